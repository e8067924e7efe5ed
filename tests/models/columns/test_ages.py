"""A date in a table becomes an age, the same one whatever the file and the day on which it is read."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import Field, ValidationError

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.errors import ColumnMissing, MappingInvalid, TargetAmongFeatures
from models.columns.origins import Source
from models.customer import checks, declaration, offending, tables
from models.customer.contract import Contract
from models.customer.declaration import Age, AtLeast, Features, derive
from models.customer.files.csv_format import CsvFormat
from models.customer.kinds.ages import Unit
from models.customer.offending import OffendingValues
from models.errors import ContractError


class _Customer(Features):
    age: Annotated[float | None, Age("days")] = Field(ge=-10, le=40_000, examples=[30.0])


CONTRACT = derive(_Customer)
BOTH = '[features]\nage = { column = "begun", age_at = "seen" }\n'


def _mapping(folder: Path, text: str, contract: Contract = CONTRACT) -> ColumnMapping:
    path = folder / "columns.toml"
    path.write_text(text)
    return column_mapping.read(path, contract)


def _ages(folder: Path, text: str, table: Any, contract: Contract = CONTRACT) -> list[Any]:
    rows = column_mapping.features(_mapping(folder, text, contract), pd.DataFrame(table), contract)
    return list(rows["age"].tolist())


@pytest.mark.parametrize(
    ("begun", "seen", "days"),
    [
        ("2026-11-01", "2026-11-29", 28),
        ("2024-02-28", "2024-03-01", 2),  # 2024 is a leap year
        ("2023-02-28", "2023-03-01", 1),
        ("1900-02-28", "1900-03-01", 1),  # and 1900 was none
        ("2000-02-29", "2004-02-29", 1_461),
        ("1950-06-01", "2026-06-01", 27_759),
        ("2026-11-30", "2026-11-29", -1),
        ("2026-11-29", "2026-11-29T18:00", 0.75),
        ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", 25 / 24),  # the clocks went back
        ("2026-11-29T23:00-05:00", "2026-11-30 04:00 UTC", 0),
        ("20261101", "2026-12", 30),
    ],
)
def test_an_age_is_the_time_between_two_dates(tmp_path: Path, begun: str, seen: str, days: float) -> None:
    assert _ages(tmp_path, BOTH, {"begun": [begun], "seen": [seen]}) == pytest.approx([days])


@pytest.mark.parametrize(("unit", "age"), [("days", 1_461), ("weeks", 1_461 / 7), ("months", 48), ("years", 4)])
def test_a_month_is_a_twelfth_of_a_year_of_365_and_a_quarter_days(tmp_path: Path, unit: Unit, age: float) -> None:
    class Customer(Features):
        age: Annotated[float, Age(unit)] = Field(ge=0, le=40_000, examples=[30.0])

    table = {"begun": ["2000-02-29"], "seen": ["2004-02-29"]}
    assert _ages(tmp_path, BOTH, table, derive(Customer)) == pytest.approx([age])
    assert derive(Customer).features[0].unit == unit


@pytest.mark.parametrize("fixed", ['"2026-11-29"', "2026-11-29", '"20261129"', "2026-11-29T00:00:00Z"])
def test_a_fixed_time_is_the_same_for_all_rows(tmp_path: Path, fixed: str) -> None:
    text = f'[features]\nage = {{ column = "begun", age_at = {fixed} }}\n'
    assert _mapping(tmp_path, text).foreign_columns(CONTRACT) == ["begun"]
    assert _ages(tmp_path, text, {"begun": ["2026-11-28", "2025-11-29"]}) == [1, 365]


def test_a_column_that_has_the_name_of_the_feature_needs_no_name(tmp_path: Path) -> None:
    text = '[features]\nage = { age_at = "2026-11-29" }\n'
    assert _ages(tmp_path, text, {"age": ["2026-11-28"]}) == [1]


def test_unknown_dates_are_unknown_ages(tmp_path: Path) -> None:
    text = BOTH.replace("}", ', nulls = ["9999-12-31"] }') + '[csv]\nnulls = ["?"]\n'
    begun = ["2026-11-28", None, "", "NaT", "?", "9999-12-31", "2026-11-28", "2026-11-28"]
    seen = ["2026-11-29"] * 6 + [None, "-"]
    np.testing.assert_array_equal(_ages(tmp_path, text, {"begun": begun, "seen": seen}), [1, *[np.nan] * 7])
    typed = pd.DataFrame({"begun": pd.to_datetime(["2026-11-28", "NaT"]), "seen": pd.to_datetime(["2026-11-29"] * 2)})
    np.testing.assert_array_equal(_ages(tmp_path, BOTH, typed), [1, np.nan])


def test_a_typed_date_that_is_listed_as_unknown_is_unknown(tmp_path: Path) -> None:
    text = BOTH.replace("}", ', nulls = ["1970-01-01"] }')
    typed = pd.DataFrame({"begun": pd.to_datetime(["2026-11-28", "1970-01-01"]), "seen": ["2026-11-29"] * 2})
    np.testing.assert_array_equal(_ages(tmp_path, text, typed), [1, np.nan])


def test_what_is_no_date_is_named_as_it_is_written(tmp_path: Path) -> None:
    begun = ["2026-11-28", "soon", "2026-13-01", "12", "2026-11-28"]
    rows = _ages(tmp_path, BOTH, {"begun": begun, "seen": ["2026-11-29"] * 4 + ["later"]})
    assert rows == [1, "soon", "2026-13-01", "12", "later"]
    broken = checks.find_violations(CONTRACT, {"age": rows})
    assert {reason: mask.tolist() for reason, mask in broken.items()} == {
        "age not a number of days": [False, *[True] * 4]
    }


def test_a_date_after_the_time_is_a_negative_age_and_judged_by_the_bounds(tmp_path: Path) -> None:
    rows = _ages(tmp_path, BOTH, {"begun": ["2026-12-08", "2026-12-10"], "seen": ["2026-11-29"] * 2})
    assert rows == [-9, -11]
    assert {name: mask.tolist() for name, mask in checks.find_violations(CONTRACT, {"age": rows}).items()} == {
        "age below -10": [False, True]
    }


def test_dates_are_read_in_the_declared_format(tmp_path: Path) -> None:
    text = BOTH + '[csv]\ntime = "%d.%m.%Y"\n'
    table = {"begun": ["01.02.2026", "1.2.2026", "2026-02-01"], "seen": ["02.02.2026"] * 3}
    assert _ages(tmp_path, text, table) == [1, 1, 1]


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".xlsx", ".parquet"])
def test_each_kind_of_file_gives_the_same_ages(tmp_path: Path, kind: str) -> None:
    begun = [datetime(2024, 2, 28, tzinfo=UTC), datetime(2026, 11, 28, 12, tzinfo=UTC)]
    path, seen = tmp_path / f"table{kind}", [date(2024, 3, 1), date(2026, 11, 29)]
    if kind == ".parquet":
        pq.write_table(pa.table({"begun": pa.array(begun, pa.timestamp("ms", "Europe/Berlin")), "seen": seen}), path)
    elif kind == ".jsonl":
        lines = [{"begun": str(one), "seen": str(at)} for one, at in zip(begun, seen, strict=True)]
        path.write_text("\n".join(map(json.dumps, lines)))
    elif kind == ".xlsx":
        pd.DataFrame({"begun": [one.replace(tzinfo=None) for one in begun], "seen": seen}).to_excel(path, index=False)
    else:
        pd.DataFrame({"begun": begun, "seen": seen}).to_csv(path, index=False)
    assert _ages(tmp_path, BOTH, tables.read(path).to_pandas()) == [2, 0.5]


def test_numbers_are_dates_only_as_digits_of_iso_8601(tmp_path: Path) -> None:
    table = {"begun": [20261128, 46355, 1_700_000_000], "seen": [20261129] * 3}
    assert _ages(tmp_path, BOTH, table) == [1, "46355", "1700000000"]


def test_a_table_may_hold_the_number_itself(tmp_path: Path) -> None:
    assert _ages(tmp_path, "", {"age": ["12.5", ""]})[0] == 12.5


@pytest.mark.parametrize(
    ("cells", "more"),
    [
        (["2026-11-28", "2025-01-05"], ", and add age_at under [features] in the columns file. "),
        (["28.11.2026", "31.01.2025"], 'under [features], and time = "%d.%m.%Y" under [csv], in the columns file. '),
    ],
)
def test_dates_without_a_time_of_the_age_get_the_remedy(tmp_path: Path, cells: list[str], more: str) -> None:
    rows, values = pd.DataFrame({"age": _ages(tmp_path, "", {"age": cells})}), OffendingValues()
    broken = checks.find_violations(CONTRACT, rows)
    values.count(CONTRACT, rows, broken)
    assert values.remedy().startswith(
        "The values look like dates. Only an age is a feature: declare Annotated[float, declaration.Age("
    )
    assert values.remedy().endswith(more)
    assert offending.describe({"age not a number of days": 2}, values).startswith(
        f'age not a number of days: 2 ("{cells[0]}" 1'
    )


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('{ column = "a", age_at = "29.11.2026" }', "age_at looks like a time as %d.%m.%Y; write it as 2026-11-29"),
        ('{ sum = ["a", "b"], age_at = "2026-11-29" }', "an age is made from one column of dates"),
        ('{ column = "a", age_at = "b", values = { x = 1 } }', "an age is made from one column of dates"),
    ],
)
def test_an_entry_that_makes_no_age_is_refused(tmp_path: Path, entry: str, problem: str) -> None:
    with pytest.raises(MappingInvalid, match=problem):
        _mapping(tmp_path, f"[features]\nage = {entry}\n")


def test_only_an_age_has_a_time(tmp_path: Path) -> None:
    class Customer(Features):
        age: float = Field(ge=0, le=100, examples=[3.0])

    with pytest.raises(MappingInvalid, match=r"gives age an age_at, but it is no age; declare age: Annotated\[float"):
        _mapping(tmp_path, BOTH, derive(Customer))


def test_the_column_of_the_time_must_be_there_and_may_not_be_the_target(tmp_path: Path) -> None:
    mapping = _mapping(tmp_path, BOTH)
    with pytest.raises(ColumnMissing, match=r"columns\.toml: seen in line 2"):
        column_mapping.labelled(mapping, pd.DataFrame({"begun": ["2026-11-28"], "churned": [1]}), CONTRACT)
    with pytest.raises(TargetAmongFeatures):
        _mapping(tmp_path, '[target]\ncolumn = "seen"\n' + BOTH)


@pytest.mark.parametrize(
    ("annotation", "extra", "problem"),
    [
        (Annotated[int, Age("days")], {}, "an age is a float"),
        (Annotated[float, Age("hours")], {}, "in days, weeks, months, years, and not in hours"),  # type: ignore[arg-type]  # what a user may write
        (Annotated[float, Age("days")], {"unit": "weeks"}, "its unit is weeks, but it is an age in days"),
    ],
)
def test_an_age_that_is_none_is_refused_with_its_field(annotation: Any, extra: dict[str, Any], problem: str) -> None:
    namespace = {
        "__annotations__": {"age": annotation},
        "age": Field(ge=0, le=9, examples=[3], json_schema_extra=extra),
        "__module__": __name__,
    }
    with pytest.raises(ContractError, match=problem):
        derive(type("Customer", (Features,), namespace))


def test_clients_send_the_number_and_a_date_gets_the_remedy() -> None:
    assert _Customer.model_validate_json('{"age": 12}') == _Customer(age=12.0)
    assert _Customer.model_validate_json('{"age": null}').age is None
    with pytest.raises(ValidationError) as caught:
        _Customer.model_validate_json('{"age": "2026-11-01"}')
    (problem,) = caught.value.errors(include_url=False)
    assert (problem["loc"], problem["type"]) == (("age",), "age_type")
    assert problem["msg"] == (
        "Input should be a number of days: an age at the time of the prediction. For a date, send the days from it "
        "until now"
    )
    with pytest.raises(ValidationError, match="greater than or equal to -10"):
        _Customer.model_validate_json('{"age": -11}')


def test_an_age_is_described_as_a_number_with_its_unit() -> None:
    class Customer(Features):
        age: Annotated[float, Age("days")] = Field(ge=0, le=9, examples=[3.0])
        last: Annotated[float | None, Age("days"), AtLeast("age")] = Field(ge=0, le=9, examples=[3.0])

    described = Customer.model_json_schema()["properties"]
    assert described["age"] == {
        "examples": [3.0],
        "maximum": 9,
        "minimum": 0,
        "title": "Age",
        "type": "number",
        "unit": "days",
    }
    assert described["last"]["unit"] == "days"


def test_a_model_does_not_see_whether_a_number_was_a_date() -> None:
    class Plain(Features):
        age: float | None = Field(ge=-10, le=40_000, examples=[30.0], json_schema_extra={"unit": "days"})

    assert declaration.derive(Plain).fingerprint == CONTRACT.fingerprint


def test_a_style_alone_changes_no_typed_date() -> None:
    column = pd.DataFrame({"begun": pd.to_datetime(["2026-11-28"]), "seen": pd.to_datetime(["2026-11-29"])})
    mapping = ColumnMapping(features={"age": Source(column="begun", age_at="seen")}, csv=CsvFormat(time="%d.%m.%Y"))
    assert column_mapping.features(mapping, column, CONTRACT)["age"].tolist() == [1]
