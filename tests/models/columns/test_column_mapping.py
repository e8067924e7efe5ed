"""A columns file turns a foreign table into the contract's columns, or says what is wrong with it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.errors import ColumnMissing, MappingInvalid, TargetAmongFeatures, TargetUnclear
from models.columns.origins import Source, Target
from models.customer.contract import Contract
from models.customer.declaration import Features, derive
from models.customer.errors import ColumnRepeated
from models.errors import ContractError
from models.features import CONTRACT


def table(**columns: list[object]) -> pd.DataFrame:
    plain: dict[str, list[object]] = {name: [value, value] for name, value in CONTRACT.example.items()}
    return pd.DataFrame(plain | {"churned": [1, 0]} | columns)


def applied(features: dict[str, Source], **columns: list[object]) -> pd.DataFrame:
    return column_mapping.labelled(ColumnMapping(features=features), table(**columns), CONTRACT)


def write(folder: Path, text: str) -> Path:
    path = folder / "columns.toml"
    path.write_text(text)
    return path


def test_without_a_file_columns_keep_their_names() -> None:
    rows = column_mapping.labelled(column_mapping.read(None, CONTRACT), table(), CONTRACT)
    assert list(rows.columns) == [*CONTRACT.names, "churned"]
    assert rows["churned"].tolist() == [1.0, 0.0]


def test_columns_that_need_no_reading_are_not_copied() -> None:
    source = pd.DataFrame({name: np.arange(5.0) for name in CONTRACT.names})
    found = column_mapping.features(ColumnMapping(), source, CONTRACT)
    numbers = [feature.name for feature in CONTRACT.features if feature.kind in ("integer", "number")]
    assert numbers
    assert all(np.shares_memory(found[name].to_numpy(), source[name].to_numpy()) for name in numbers)


def test_a_column_is_renamed() -> None:
    rows = applied({"tenure_months": Source(column="age")}, age=[3, 5])
    assert rows["tenure_months"].tolist() == [3, 5]


def test_columns_are_summed_and_an_unknown_part_makes_the_sum_unknown() -> None:
    rows = applied({"support_tickets": Source(sum=["a", "b"])}, a=[1, 2], b=[3, None])
    np.testing.assert_array_equal(rows["support_tickets"], [4, np.nan])


def test_values_are_translated_and_unlisted_ones_are_named_by_the_checks() -> None:
    rows = applied({"contract_type": Source(column="kind", values={"Monthly": 0})}, kind=["Monthly", "Weekly"])
    assert rows["contract_type"].tolist() == [0, "Weekly is not under values"]


@pytest.mark.parametrize("codes", [[1, 2], [1.0, 2.0], ["1", "2"], [1.0, 2.0, None], ["1", "", "2"]])
def test_codes_are_translated_alike_however_a_source_writes_them(codes: list[object]) -> None:
    raw = pd.concat([table()] * 2, ignore_index=True).head(len(codes)).assign(kind=pd.Series(codes))
    shifted = ColumnMapping(features={"contract_type": Source(column="kind", values={"1": 0, "2": 1})})
    codes_read = column_mapping.labelled(shifted, raw, CONTRACT)["contract_type"].dropna()
    assert codes_read.tolist() == [0, 1]


def test_one_wrong_cell_spoils_only_its_own_row() -> None:
    rows = column_mapping.labelled(ColumnMapping(), pd.concat([table(contract_type=["0", "x"])] * 2), CONTRACT)
    assert rows["contract_type"].tolist() == [0, "x", 0, "x"]


def test_a_text_that_is_no_number_makes_a_sum_unreadable_and_not_unknown() -> None:
    rows = applied({"support_tickets": Source(sum=["a", "b"])}, a=["1", "many"], b=["3", ""])
    np.testing.assert_array_equal(rows["support_tickets"], [4, np.inf])


def test_a_column_that_is_there_twice_is_refused() -> None:
    twice = pd.concat([table(), table()[["tenure_months"]]], axis="columns")
    with pytest.raises(ColumnRepeated, match="tenure_months twice"):
        column_mapping.labelled(ColumnMapping(), twice, CONTRACT)


def test_a_feature_may_not_have_the_name_of_the_outcome() -> None:
    class Leaking(Features):
        churned: bool = Field(examples=[True])

    with pytest.raises(ContractError, match="churned: the name is reserved for the outcome or the customer's id"):
        column_mapping.read(None, derive(Leaking))


@pytest.mark.parametrize("outcomes", [[True, False], ["True", "false"], [1, 0], [1.0, 0.0], ["1", "0"]])
def test_an_outcome_is_read_however_a_source_writes_it(outcomes: list[object]) -> None:
    assert column_mapping.labelled(ColumnMapping(), table(churned=outcomes), CONTRACT)["churned"].tolist() == [1.0, 0.0]


def test_listed_texts_become_null_without_their_blanks() -> None:
    source = {"total_charges": Source(column="total", nulls=["", "n/a"])}
    rows = applied(source, total=["  ", "n/a"])
    assert rows["total_charges"].isna().all()


def test_numbers_written_as_text_are_read_and_the_rest_stays_as_it_is() -> None:
    rows = applied({}, monthly_charges=["12.5", "twelve"])
    assert rows["monthly_charges"].tolist() == [12.5, "twelve"]


def test_values_that_only_their_case_keeps_from_being_read_are_named(
    second_contract: Contract, caplog: pytest.LogCaptureFixture
) -> None:
    raw = pd.DataFrame([second_contract.example] * 3).assign(churned=[True, False, True])
    raw["plan"], raw["region"], raw["auto_renew"] = ["Pro", "pro", "max"], ["N", "n", "S"], ["yes", "Yes", "no"]
    mapping = ColumnMapping(
        features={
            "region": Source(column="region", values={"N": "north", "S": "south"}),
            "auto_renew": Source(column="auto_renew", values={"Yes": True, "No": False}),
        }
    )
    column_mapping.labelled(mapping, raw, second_contract)
    assert [record.getMessage() for record in caplog.records] == [
        "plan: 'Pro' is not read as 'pro', because the case differs",
        "region: 'n' is not read as 'N', because the case differs",
        "auto_renew: 'no' is not read as 'No', because the case differs",
        "auto_renew: 'yes' is not read as 'Yes', because the case differs",
    ]


def test_yes_and_no_become_booleans_for_a_contract_that_has_them(second_contract: Contract) -> None:
    raw = pd.DataFrame([second_contract.example] * 2).assign(auto_renew=["Yes", "No"], churned=[True, False])
    yes_no = Source(column="auto_renew", values={"Yes": True, "No": False})
    rows = column_mapping.labelled(ColumnMapping(features={"auto_renew": yes_no}), raw, second_contract)
    assert rows["auto_renew"].tolist() == [True, False]
    assert rows["churned"].tolist() == [1.0, 0.0]


def test_the_target_is_read_by_its_positive_value_and_may_be_unknown() -> None:
    chosen = ColumnMapping(target=Target(column="left", positive="Yes"))
    rows = column_mapping.labelled(chosen, pd.concat([table(left=["Yes", "No"]), table(left=["No", None])]), CONTRACT)
    np.testing.assert_array_equal(rows["churned"], [1, 0, 0, np.nan])


def test_missing_columns_are_all_named_with_what_there_is() -> None:
    with pytest.raises(
        ColumnMissing, match=r'no column "tenure", "churned"; it has .*contract_type.*--columns'
    ) as caught:
        column_mapping.labelled(
            ColumnMapping(features={"tenure_months": Source(column="tenure")}),
            table().drop(columns="churned"),
            CONTRACT,
        )
    assert caught.value.missing == ("tenure", "churned")


@pytest.mark.parametrize(
    ("text", "missing", "remedy"),
    [
        (
            '# age = "Age"\n[target]\ncolumn = "left"\n[features]\ntenure_months = { column = "Age" }',
            'no column "Age", "left"; ',
            r'The nearest is "age" for "Age"\. Correct .*columns\.toml: Age in line 5, left in line 3\.$',
        ),
        (
            "[features]\nsupport_tickets = { sum = [\n  'calls',\n] }",
            'no column "calls"; ',
            r"columns\.toml: calls in line 3\.$",
        ),
        (
            (
                '[target]\npositive = "calls"\n[features]\n'
                'contract_type = { values = { "calls" = 1 }, column = "age" } # "calls"\n'
                'support_tickets = { sum = ["age", "calls"], nulls = ["calls"] }'
            ),
            'no column "calls"; ',
            r"columns\.toml: calls in line 5\.$",
        ),
        (
            '[features]\ntenure_months.column = "age"\n[features."support_tickets"]\n"sum" = ["Calls \\"\\u0078\\""]',
            'no column "Calls "x""; ',
            r'columns\.toml: Calls "x" in line 4\.$',
        ),
        ("[features]", 'no column "monthly_charges"; ', r"Map monthly_charges in .*columns\.toml, under \[features\]"),
    ],
)
def test_a_wrong_column_of_a_columns_file_is_named_with_its_line(
    tmp_path: Path, text: str, missing: str, remedy: str
) -> None:
    source = table(age=[1, 2])
    if "monthly_charges" in missing:
        source = source.drop(columns="monthly_charges")
    with pytest.raises(ColumnMissing, match=missing) as caught:
        column_mapping.labelled(column_mapping.read(write(tmp_path, text), CONTRACT), source, CONTRACT)
    assert re.search(remedy, str(caught.value))
    assert "--columns" not in str(caught.value)


@pytest.mark.parametrize("values", [["Yes", "Yes"], ["No", "No"], ["Y", "N"]])
def test_a_target_without_both_classes_is_refused(values: list[object]) -> None:
    with pytest.raises(TargetUnclear, match="'Yes' means churn"):
        column_mapping.labelled(
            ColumnMapping(target=Target(column="left", positive="Yes")), table(left=values), CONTRACT
        )


@pytest.mark.parametrize("positive", ["yes", "YES"])
def test_a_positive_value_in_another_case_is_told_as_such(positive: str) -> None:
    sentence = f"'{positive}', and only the case differs from 'Yes'. Write positive = \"Yes\" under"
    with pytest.raises(TargetUnclear, match=re.escape(sentence)):
        column_mapping.labelled(
            ColumnMapping(target=Target(column="left", positive=positive)), table(left=["Yes", "No"]), CONTRACT
        )


def test_a_target_of_three_values_is_refused() -> None:
    with pytest.raises(TargetUnclear, match="exactly two values"):
        column_mapping.labelled(ColumnMapping(), pd.concat([table(), table(churned=[2, 1])]), CONTRACT)


@pytest.mark.parametrize(
    "text",
    [
        '[target]\ncolumn = "tenure_months"',
        'never_features = ["id"]\n[features]\nsupport_tickets = { sum = ["calls", "id"] }',
    ],
)
def test_a_feature_made_of_the_target_or_of_a_forbidden_column_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TargetAmongFeatures):
        column_mapping.read(write(tmp_path, text), CONTRACT)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[features", "Expected ']'"),
        ("[features]\nno_such_field = { column = 'a' }", "no_such_field"),
        ("[features]\ntenure_months = { column = 'a', sum = ['b'] }", "give one of column, sum, difference and ratio"),
        ("[features]\ntenure_months = { colum = 'a' }", "colum"),
        ("[traget]\ncolumn = 'a'", "traget"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(MappingInvalid, match=problem):
        column_mapping.read(write(tmp_path, text), CONTRACT)


def test_a_missing_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(MappingInvalid, match=r"absent\.toml: No such file"):
        column_mapping.read(tmp_path / "absent.toml", CONTRACT)
