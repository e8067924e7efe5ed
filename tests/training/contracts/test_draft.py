"""A draft says of each column what it is, as somebody would who looks at the table, and leaves out what is none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.columns.errors import ColumnMissing
from tests.training.contracts.drafting import Drafted, drafted
from training.contracts import draft
from training.contracts.errors import DraftRefused, NothingDrafted, TargetOutOfScope, TargetUnknown
from training.contracts.settings import DraftSettings
from training.errors import SourceUnreadable

ROWS = 400


def customers(**more: object) -> pd.DataFrame:
    """Return a table with a number and an outcome that says nothing about it, and further columns."""
    draw = np.random.default_rng(3)
    table = {"months": draw.integers(1, 73, ROWS), "Churn": np.where(draw.random(ROWS) < 0.3, "Yes", "No")}
    return pd.DataFrame(table | more)


def repeated(*values: object) -> list[object]:
    """Return as many values as there are rows."""
    return [values[at % len(values)] for at in range(ROWS)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def draft_of(folder: Path, table: pd.DataFrame, *, target: str | None = None, suffix: str = "csv") -> Drafted:
    path = folder / f"customers.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    return drafted(path, target=target)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_each_kind_of_column_becomes_its_field(folder: Path, suffix: str) -> None:
    draw = np.random.default_rng(1)
    more = {
        "Monthly Charges": draw.uniform(18, 118, ROWS).round(2),
        "balance": draw.normal(0, 900, ROWS).round(2),
        "seats": [None if at % 9 == 0 else float(at % 40) for at in range(ROWS)],
        "active": draw.random(ROWS) < 0.5,
        "SeniorCitizen": draw.integers(0, 2, ROWS),
        "PaperlessBilling": repeated("Yes", "No", "Yes", None),
        "plan": repeated("basic", "plus", "pro"),
    }
    found = draft_of(folder, customers(**more), suffix=suffix)
    kinds = {feature.name: (feature.kind, feature.nullable) for feature in found.contract.features}
    assert kinds == {
        "months": ("integer", False),
        "monthly_charges": ("number", False),
        "balance": ("number", False),
        "seats": ("integer", True),
        "active": ("boolean", False),
        "senior_citizen": ("boolean", False),
        "paperless_billing": ("boolean", True),
        "plan": ("category", False),
    }
    assert found.feature("plan").categories == ("basic", "plus", "pro")
    assert found.mapping.features["paperless_billing"].values == {"Yes": True, "No": False}
    assert found.rows()["paperless_billing"].tolist()[:4] == [True, False, True, None]
    assert found.fitting_share() == 1


def test_bounds_have_room_and_stay_at_zero_where_nothing_is_negative(folder: Path) -> None:
    found = draft_of(folder, customers(balance=repeated(-40, 25, 3)))
    assert dict(found.feature("months").limits) == {"ge": 0, "le": 200}
    assert dict(found.feature("balance").limits) == {"ge": -100, "le": 100}


def test_numbers_beyond_those_of_float32_have_bounds_too(folder: Path) -> None:
    table = customers(huge=repeated(1.5, 2e300), tiny=repeated(0.0, 5e-324))
    found = draft_of(folder, table)
    assert 1e30 < found.feature("huge").limits["le"] < 1e38
    assert 0 < found.feature("tiny").limits["le"] < 1e-29


def test_an_example_is_typical_and_no_row_of_the_table(folder: Path) -> None:
    spend = np.random.default_rng(4).uniform(1_000, 9_000, ROWS).round(3)
    found = draft_of(folder, customers(spend=spend, plan=["rare", *["often"] * (ROWS - 1)]))
    example = found.contract.example
    assert example["plan"] == "often"
    assert example["spend"] not in spend.tolist()
    assert example["spend"] == pytest.approx(np.median(spend), rel=0.01)


def test_names_become_valid_and_stay_apart_and_the_source_keeps_its_own(folder: Path) -> None:
    columns = ["class", "int", "churned", "model_fields", "Größe (m²)", "Plan-Art", "plan art", "2nd line", "Возраст"]
    found = draft_of(folder, customers(**dict.fromkeys(columns, repeated(1, 2, 3))))
    assert {name: source.column for name, source in found.mapping.features.items()} == {
        "class_value": "class",
        "int_value": "int",
        "churned_value": "churned",
        "model_fields_value": "model_fields",
        "groesse_m2": "Größe (m²)",
        "plan_art": "Plan-Art",
        "plan_art_2": "plan art",
        "column_2nd_line": "2nd line",
        "column_10": "Возраст",
    }
    assert found.fitting_share() == 1


def test_what_looks_like_an_id_is_forbidden_with_the_reason(folder: Path) -> None:
    ids = {
        "customerID": [f"{at:04d}-AB" for at in range(ROWS)],
        "RowNumber": range(ROWS),
        "household_id": repeated(*range(100, 180)),
        "plan_id": repeated(1, 2, 3),
    }
    found = draft_of(folder, customers(**ids))
    assert found.mapping.never_features == ["customerID", "RowNumber", "household_id"]
    assert '"RowNumber", # looks like an id: 100% of its values are different; remove it here if' in found.columns
    assert found.became("household_id") == "never a feature looks like an id by its name"
    assert "plan_id" in found.contract.names


SIGNED = {
    "USD {}": "USD",
    "{}.50 kr": "kr",
    "{} Fr.": "Fr.",
    "CHF {},234.50": "CHF",
    "CHF 1\u2019{}.50": "CHF",
    "({}.50) \u20ac": "\u20ac",
    "-\u20ac{}.50": "\u20ac",
    "{}\u00a0%": "%",
}
"""Forms of an amount, and the sign that is named."""
DAYS = pd.Timestamp("2026-11-29") - pd.to_timedelta(np.arange(ROWS) % 300, unit="D")


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%Y%m%d", "%Y-%m-%dT%H:%M:%SZ"])
def test_a_date_becomes_its_age_at_the_newest_one_whatever_its_form(folder: Path, form: str) -> None:
    found = draft_of(folder, customers(signup=DAYS.strftime(form), price=repeated(1.1234, 12.2026, 7.5)))
    signup = found.feature("signup")
    assert (signup.kind, signup.is_age, signup.unit, signup.nullable) == ("number", True, "days", False)
    assert (dict(signup.limits), signup.example) == ({"ge": 0, "le": 500}, 99.5)
    assert found.mapping.features["signup"].age_at == "2026-11-29"
    assert found.rows()["signup"].tolist()[:3] == [0, 1, 2]
    assert found.mapping.csv.time == (form if form in ("%d.%m.%Y", "%m/%d/%Y %H:%M") else None)
    assert 'age_at = "2026-11-29" } # days until 2026-11-29, the newest date' in found.columns
    assert found.became("signup") == "signup: age in days 0 to 500 days until 2026-11-29, the newest date"
    assert found.fitting_share() == 1


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_age_is_taken_at_the_time_of_the_row_where_a_column_has_it(folder: Path, suffix: str) -> None:
    since = pd.Series(DAYS).where(np.arange(ROWS) % 10 > 0)
    written = pd.Series([pd.Timestamp("2026-11-30"), pd.Timestamp("2026-12-30")] * (ROWS // 2))
    table = customers(since=since, contact=DAYS + pd.Timedelta(1, "D"), snapshot_on=written)
    found = draft_of(folder, table, suffix=suffix)
    assert {name: source.age_at for name, source in found.mapping.features.items()} == {
        "since": "snapshot_on",
        "contact": "snapshot_on",
    }
    assert found.feature("since").nullable
    assert found.rows()["since"].tolist()[1:4] == [32, 3, 34]
    assert found.became("snapshot_on") == "left out the time at which the ages are taken"
    assert found.became("since") == 'since: age in days 0 to 500 or unknown days until "snapshot_on"'
    assert found.fitting_share() == 1


def test_a_time_of_the_row_before_a_date_is_none(folder: Path) -> None:
    ends = pd.Series(DAYS).where(np.arange(ROWS) > 0, pd.Timestamp("2027-05-01"))
    one = customers(begins=DAYS, exported_on=["2026-11-30"] * ROWS)
    assert draft_of(folder, one).mapping.features["begins"].age_at == "exported_on"
    (folder / "more").mkdir()
    found = draft_of(folder / "more", customers(ends=ends, exported_on=["2026-11-30"] * ROWS))
    assert found.mapping.features["ends"].age_at == "2027-05-01"
    assert found.became("exported_on") == "left out one value only"


def test_a_far_end_is_unknown(folder: Path) -> None:
    ends = pd.Series(DAYS.strftime("%d.%m.%Y")).where(np.arange(ROWS) % 4 > 0, "31.12.9999")
    found = draft_of(folder, customers(ends=ends))
    assert found.mapping.features["ends"].nulls == ["31.12.9999"]
    assert found.feature("ends").nullable
    assert found.rows()["ends"].isna().tolist()[:5] == [True, False, False, False, True]
    assert found.fitting_share() == 1


def test_dates_of_no_plain_form_are_left_out_with_the_reason(folder: Path) -> None:
    days = repeated("01/02/2026", "03/04/2026", "05/06/2026")
    found = draft_of(folder, customers(day=days))
    assert found.contract.names == ("months",)
    assert '# "day": dates as %d/%m/%Y or %m/%d/%Y; which of them is not plain; write them alike, or declare' in (
        found.columns
    )
    (folder / "more").mkdir()
    other = draft_of(
        folder / "more", customers(day=days, since=DAYS.strftime("%d/%m/%Y"), german=DAYS.strftime("%d.%m.%Y"))
    )
    assert other.mapping.csv.time == "%d/%m/%Y"
    assert other.contract.names == ("months", "day", "since")
    assert other.became("german") == "left out dates as %d.%m.%Y, where others are %d/%m/%Y"


def test_a_typed_column_of_one_date_is_left_out(folder: Path) -> None:
    table = customers(since=pd.date_range("2020-01-01", periods=ROWS), until=[pd.Timestamp("2025-01-01").date()] * ROWS)
    found = draft_of(folder, table, suffix="parquet")
    assert found.contract.names == ("months", "since")
    assert found.became("until") == "left out the time at which the ages are taken"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (repeated("same"), "one value only"),
        (repeated(None), "always missing"),
        ([5, 6, *[None] * (ROWS - 2)], "missing in 99.5% of the rows"),
        ([f"called on line {at} and was told to wait for a technician" for at in range(ROWS)], "free text"),
        (
            [f"{at},50 \N{EURO SIGN}" for at in range(ROWS)],
            "numbers with \N{EURO SIGN}; write them without it in the table",
        ),
        *(
            ([text.format(at) for at in range(ROWS)], f"numbers with {sign}; write them without it in the table")
            for text, sign in SIGNED.items()
        ),
        (repeated(*(f"shop {at}" for at in range(ROWS - 100))), f"{ROWS - 100} levels, hardly any of them twice"),
    ],
)
def test_what_cannot_be_learned_from_is_left_out_with_the_reason(folder: Path, values: list[object], why: str) -> None:
    found = draft_of(folder, customers(extra=values))
    assert found.contract.names == ("months",)
    assert found.became("extra") == f"left out {why}"
    assert f'# "extra": {why}' in found.columns


def test_lists_of_json_lines_are_left_out(folder: Path) -> None:
    path = folder / "customers.jsonl"
    customers(tags=[["a"], ["b", "c"]] * (ROWS // 2)).to_json(path, orient="records", lines=True)
    assert drafted(path).became("tags") == "left out lists or objects"


def test_a_given_list_of_words_for_churn_is_kept(folder: Path) -> None:
    (folder / "given.toml").write_text('[target]\ncolumn = "status"\npositive = ["Left", "Moved"]\n')
    table = customers(status=repeated("Left", "Moved", "Stayed", "Joined")).drop(columns="Churn")
    table.to_csv(folder / "customers.csv", index=False)
    found = drafted(folder / "customers.csv", columns=folder / "given.toml")
    assert found.mapping.target.positive == ["Left", "Moved"]
    assert "\"status\" is the outcome, and 'Left' and 'Moved' mean churn: 50.0% of the rows." in found.report
    assert found.fitting_share() == 1


def test_lists_are_left_out(folder: Path) -> None:
    found = draft_of(folder, customers(tags=[["a"], ["b", "c"]] * (ROWS // 2)), suffix="parquet")
    assert found.became("tags") == "left out lists or bytes"


def test_columns_of_one_name_are_left_out(folder: Path) -> None:
    table = customers(a=repeated(1, 2, 3), b=repeated(4, 5, 6))
    table.columns = pd.Index(["months", "Churn", "x", "x"])
    found = draft_of(folder, table)
    assert found.became("x") == "left out 2 columns have this name"


def test_words_for_unknown_among_numbers_are_found(folder: Path) -> None:
    found = draft_of(folder, customers(income=repeated("k.A.", *map(str, range(900, 930)))))
    assert found.mapping.features["income"].nulls == ["k.A."]
    assert found.feature("income").nullable
    assert found.fitting_share() == 1


@pytest.mark.parametrize("text", ["shop {}", "{:05d}"])  # postcodes are no numbers
@pytest.mark.parametrize("missing", [[], [None]])
def test_a_text_of_many_levels_is_an_open_category(folder: Path, text: str, missing: list[None]) -> None:
    levels = [text.format(at) for at in range(999, 1_099)]
    found = draft_of(folder, customers(extra=repeated(*levels, *missing)))
    assert found.became("extra") == f"extra: open category{' or unknown' if missing else ''} 100 levels"
    extra = found.feature("extra")
    assert (extra.kind, extra.most_levels, extra.nullable) == ("open_category", 200, bool(missing))
    assert extra.example in levels
    assert found.fitting_share() == 1


def test_levels_such_as_3_and_more_keep_a_column_from_being_numbers(folder: Path) -> None:
    found = draft_of(folder, customers(dependents=repeated("0", "1", "2", "3+")))
    assert found.feature("dependents").categories == ("0", "1", "2", "3+")


@pytest.mark.parametrize(
    ("column", "values", "positive"),
    [
        ("Attrition_Flag", ("Existing Customer", "Attrited Customer"), "Attrited Customer"),
        ("Exited", (0, 1), 1),
        ("has_left", ("false", "true"), 1),
        ("Gekündigt", ("Nein", "Ja"), "Ja"),
        ("status_of_churn", ("blue", "blue", "blue", "green"), "green"),  # the rarer one
    ],
)
def test_the_outcome_and_its_value_that_means_churn_are_found(
    folder: Path, column: str, values: tuple[object, ...], positive: object
) -> None:
    draw = np.random.default_rng(2)
    table = customers(region=repeated("north", "south")).drop(columns="Churn")
    table[column] = draw.permutation(np.array(repeated(*values), dtype=object))
    found = draft_of(folder, table)
    assert (found.mapping.target.column, found.mapping.target.positive) == (column, positive)
    expected = values.index(positive) if positive in values else 1
    share = sum(str(value) == str(values[expected]) for value in values) / len(values)
    assert found.rows()["churned"].mean() == pytest.approx(share)
    assert f"means churn: {share:.1%} of the rows" in found.report


def test_what_tells_the_outcome_is_forbidden_and_warned_of(folder: Path) -> None:
    table = customers()
    left = table["Churn"] == "Yes"
    table["Churn Value"] = left.astype(int)
    table["reason"] = pd.Series(repeated("price", "service")).where(left)
    found = draft_of(folder, table, target="Churn")
    assert found.contract.names == ("months",)
    assert found.mapping.never_features == ["Churn Value", "reason"]
    assert 'Warning: "Churn Value", "reason" tells the outcome' in found.report


def test_unknown_outcomes_are_counted(folder: Path) -> None:
    table = customers()
    table.loc[:9, "Churn"] = None
    report = draft_of(folder, table).report
    assert "the outcome is unknown in 10 rows" in report
    assert "such as one of totals" not in report


def test_a_line_of_totals_is_warned_of(folder: Path) -> None:
    totals = pd.DataFrame({"fee": [40_000.0]})
    table = pd.concat([customers(fee=repeated(20.5, 30.25), plan=repeated("a", "b")), totals])
    report = draft_of(folder, table).report
    assert "the outcome is unknown in 1 row," in report
    assert "Warning: most other columns have empty cells too. If a line is no customer" in report


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("Total", "a row begins with 'Total'"),
        ("Gesamtergebnis:", "a row begins with 'Gesamtergebnis:'"),
        ("K999", 'a row without an outcome has by far the largest "months"'),
    ],
)
def test_a_line_with_a_sum_in_each_column_is_warned_of(folder: Path, first: str, why: str) -> None:
    table = customers(fee=repeated(20.5, 30.25), plan=repeated("a", "b"))
    table.insert(0, "customer", [f"K{at}" for at in range(ROWS)])
    totals = {"customer": first, "months": table["months"].sum(), "fee": table["fee"].sum()}
    report = draft_of(folder, pd.concat([table, pd.DataFrame([totals])]), suffix="parquet").report
    assert f"Warning: {why}. If a line is no customer, such as one of totals, remove it" in report


def test_a_customer_with_the_largest_number_is_no_line_of_totals(folder: Path) -> None:
    table = customers(fee=[9_000.0, *repeated(20.5, 30.25)[1:]])
    table.loc[ROWS - 1, "Churn"] = None
    assert "totals" not in draft_of(folder, table).report


def test_codes_that_are_no_currency_stay_a_category(folder: Path) -> None:
    found = draft_of(folder, customers(segment=repeated(*(f"SEG {at}" for at in range(100, 200)))))
    assert found.became("segment") == "segment: open category 100 levels"


def test_few_amounts_with_a_sign_are_a_category_and_the_report_says_so(folder: Path) -> None:
    found = draft_of(folder, customers(fee=repeated("3 \u20ac", "5 \u20ac", "8 \u20ac", "9 \u20ac", "k.A.")))
    why = "5 levels; numbers with \u20ac: write them without it in the table, if amounts count"
    assert found.became("fee") == f"fee: category {why}"


def test_bounds_and_levels_come_from_all_rows_of_a_large_table(folder: Path) -> None:
    rows = 60_000
    table = pd.DataFrame({"seats": [7, 8, 9] * (rows // 3), "plan": "basic", "churned": [0, 0, 1] * (rows // 3)})
    table["churned"] = table["churned"].sample(frac=1, random_state=1).to_numpy()
    table.loc[rows - 1, "seats"], table.loc[rows - 1, "plan"] = 4_000, "late"
    table.loc[:99, "plan"] = "plus"
    found = draft_of(folder, table)
    assert found.feature("seats").limits["le"] == 10_000
    assert found.feature("plan").categories == ("basic", "late", "plus")
    assert "signs of a leak and ages from the first 50,000 rows" in found.report


def test_a_draft_passes_what_make_lint_checks_and_has_descriptions(folder: Path, root: Path) -> None:
    levels = [f"a rather long name of a plan, number {at}" for at in range(12)]
    odd = ['say "no"', "it's", "18\u201325", "a\\b", "caf\u00e9", "10 \u20ac", "non\u00a0breaking"]
    table = customers(**{"plan of 2026": repeated(*levels), "odd": repeated(*odd, None), "x" * 90: repeated(1.5, 2, 3)})
    found = draft_of(folder, table)
    assert found.fitting_share() == 1
    assert all(feature.description for feature in found.contract.features)
    source = (found.folder / "features.py").read_text()
    for words in (("check", "--quiet"), ("format", "--check")):
        command = [str(Path(sys.executable).with_name("ruff")), *words, "--stdin-filename", "models/features.py", "-"]
        done = subprocess.run(command, cwd=root, input=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_given_columns_file_is_kept(folder: Path) -> None:
    table = customers(left=repeated("a", "b"), secret=repeated(1, 2, 3), seats=repeated("?", "4", "5", "6"))
    table.to_csv(folder / "customers.csv", index=False)
    (folder / "given.toml").write_text(
        'never_features = ["secret"]\n[target]\ncolumn = "Churn"\npositive = "No"\n[csv]\nnulls = ["?"]\n'
    )
    found = drafted(folder / "customers.csv", columns=folder / "given.toml")
    assert found.mapping.target.positive == "No"
    assert found.mapping.never_features == ["secret"]
    assert found.mapping.csv.nulls == ["?"]
    assert found.feature("seats").nullable


@pytest.mark.parametrize(
    ("table", "target", "error", "said"),
    [
        (customers(), "Churm", ColumnMissing, 'no column "Churm".+The nearest is "Churn".+--target'),
        (customers(), "months", TargetOutOfScope, "72 different values .+Regression and several classes are out of"),
        (customers().drop(columns="Churn"), None, TargetUnknown, "no column has exactly two values.+--target COLUMN"),
        (
            customers(a=repeated(1, 2), b=repeated("x", "y")).drop(columns="Churn"),
            None,
            TargetUnknown,
            '"a", "b" have two values. Name it with --target COLUMN',
        ),
        (customers(churned=repeated(0, 1)), None, TargetUnknown, '"Churn", "churned" have two values'),
        (customers(churned=repeated(0, 1, 2)).drop(columns="Churn"), None, TargetOutOfScope, "several classes"),
        (
            customers(churned=[*repeated("no", "yes")[1:], "96"], region=repeated("a", "b")).drop(columns="Churn"),
            None,
            TargetOutOfScope,
            "such as one of totals, remove it",
        ),
        (customers()[["Churn"]], None, NothingDrafted, "customers.csv: no column can be a feature"),
        (customers()[:0], None, NothingDrafted, "customers.csv: it has no rows"),
    ],
)
def test_a_table_without_a_contract_is_refused_with_the_remedy(
    folder: Path, table: pd.DataFrame, target: str | None, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        draft_of(folder, table, target=target)
    assert not (folder / "draft").exists()


def test_files_in_the_folder_of_somebody_else_are_not_overwritten(folder: Path) -> None:
    draft_of(folder, customers())
    (folder / "draft" / "columns.toml").unlink()
    before = (folder / "draft" / "features.py").read_text()
    with pytest.raises(DraftRefused, match=r"features.py: it exists.+--output-dir"):
        draft_of(folder, customers(seats=repeated(1, 2, 3)))
    assert (folder / "draft" / "features.py").read_text() == before


def test_its_own_folder_is_overwritten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for table in (customers(), customers(seats=repeated(1, 2, 3))):
        table.to_csv("customers.csv", index=False)
        draft.draft(DraftSettings(data="customers.csv"))
    assert "seats" in Path("var", "draft", "features.py").read_text()


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "draft").write_text("a file")
    with pytest.raises(DraftRefused, match=r"draft: .+--output-dir"):
        draft_of(folder, customers())


def test_a_query_needs_a_database(folder: Path) -> None:
    with pytest.raises(SourceUnreadable, match="--query selects from a database"):
        draft.draft(DraftSettings(data="customers.csv", query="select 1", output_dir=folder))
