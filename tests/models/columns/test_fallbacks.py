"""A table may have the earlier name of a renamed column, and may lack a column that has a default."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import pytest
from pydantic import Field, create_model

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.errors import ColumnMissing, MappingInvalid, TargetAmongFeatures
from models.customer import checks, declaration
from models.customer.contract import Contract
from models.customer.declaration import Age, Category, Features, Formerly

NUMBER = Field(ge=0, le=100, examples=[1.0])
SEATS = (int, Field(ge=0, le=100, examples=[5]))
DISCOUNT = (Annotated[float, Formerly("rebate")], NUMBER)


def contract(**fields: Any) -> Contract:
    return declaration.derive(create_model("Customer", __base__=Features, seats=SEATS, **fields))


def read(folder: Path, text: str, declared: Contract) -> ColumnMapping:
    (folder / "columns.toml").write_text(text)
    return column_mapping.read(folder / "columns.toml", declared)


def labelled(folder: Path, text: str, declared: Contract, **columns: list[Any]) -> pd.DataFrame:
    table = pd.DataFrame({"seats": [1, 2], "churned": [1, 0]} | columns)
    return column_mapping.labelled(read(folder, text, declared), table, declared)


@pytest.mark.parametrize("entry", ["default = 0", 'column = "discount", default = 0', 'nulls = ["x"], default = 0'])
def test_a_default_does_not_stand_for_a_column_that_has_its_earlier_name(
    tmp_path: Path, entry: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = labelled(tmp_path, f"[features]\ndiscount = {{ {entry} }}", contract(discount=DISCOUNT), rebate=[7, 8])
    assert rows["discount"].tolist() == [7, 8]
    assert not caplog.records


def test_a_default_stands_for_a_column_that_has_neither_name(tmp_path: Path) -> None:
    rows = labelled(tmp_path, "[features]\ndiscount = { default = 3 }", contract(discount=DISCOUNT))
    assert rows["discount"].tolist() == [3, 3]


def test_an_age_is_made_from_the_date_under_its_earlier_name(tmp_path: Path) -> None:
    age = contract(signed=(Annotated[float, Age("days"), Formerly("begun")], NUMBER))
    text = '[features]\nsigned = { age_at = "2026-11-29", default = 0 }'
    assert labelled(tmp_path, text, age, begun=["2026-11-28", "2026-11-26"])["signed"].tolist() == [1, 3]


def test_a_column_that_the_file_names_is_not_replaced_by_an_earlier_name(tmp_path: Path) -> None:
    text = '[features]\ndiscount = { column = "less" }'
    rows = labelled(tmp_path, text, contract(discount=DISCOUNT), rebate=[7, 8], less=[1, 2])
    assert rows["discount"].tolist() == [1, 2]


@pytest.mark.parametrize("text", ['[target]\ncolumn = "left"', 'never_features = ["left"]'], ids=["target", "never"])
def test_a_forbidden_column_is_refused_under_the_earlier_name_of_a_feature(tmp_path: Path, text: str) -> None:
    leaking = contract(gone=(Annotated[int, Formerly("left")], Field(ge=0, le=1, examples=[1])))
    with pytest.raises(TargetAmongFeatures, match="feature gone reads column left, which is the target or listed"):
        labelled(tmp_path, text, leaking, left=[1, 0])
    assert labelled(tmp_path, text, leaking, left=[1, 0], gone=[0, 0])["gone"].tolist() == [0, 0]


OPTIONAL: dict[str, tuple[Any, Any, str, list[Any]]] = {
    "number": (float | None, None, "unknown", [None, None]),
    "whole": (int, 4, "4", [4, 4]),
    "boolean": (bool, False, "False", [False, False]),
    "level": (Literal["a", "b"], "b", "'b'", ["b", "b"]),
    "open": (Annotated[str | None, Category(max=5)], None, "unknown", [None, None]),
    "age": (Annotated[float | None, Age("days")], None, "unknown", [None, None]),
}


@pytest.mark.parametrize("case", OPTIONAL)
def test_a_field_that_clients_may_leave_out_may_be_left_out_of_a_table(
    tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind, default, told, values = OPTIONAL[case]
    limits: dict[str, Any] = {"ge": 0, "le": 9} if case in ("number", "whole", "age") else {}
    example: Any = {"boolean": True, "level": "a", "open": "x"}.get(case, 1)
    declared = contract(extra=(kind, Field(default=default, examples=[example], **limits)))
    rows = labelled(tmp_path, "", declared)
    assert rows["extra"].tolist() == values
    assert not checks.find_violations(declared, rows)
    assert caplog.messages == [f'extra is {told} in all rows, the default, because the table has no column "extra"']


BILL: tuple[Any, Any] = (float | None, Field(default=None, ge=0, le=9, examples=[1.0]))


def test_a_mistyped_header_of_such_a_field_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = labelled(tmp_path, "", contract(monthly_bill=BILL), monthly_bil=[1, 2])
    assert rows["monthly_bill"].isna().all()
    assert caplog.messages[0].endswith('no column "monthly_bill"; the nearest column is "monthly_bil"')


def test_the_column_of_another_field_is_not_named_as_the_nearest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labelled(tmp_path, "", contract(monthly_bill=BILL, monthly_bill_2=BILL), monthly_bill_2=[1, 2])
    assert caplog.messages[0].endswith('no column "monthly_bill"')


def test_a_column_that_the_file_names_for_such_a_field_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing, match='no column "bill"'):
        labelled(tmp_path, '[features]\nmonthly_bill = { column = "bill" }', contract(monthly_bill=BILL))


def test_a_table_that_has_no_field_at_all_is_refused() -> None:
    declared = declaration.derive(create_model("Customer", __base__=Features, monthly_bill=BILL))
    with pytest.raises(ColumnMissing, match='no column "monthly_bill"'):
        column_mapping.labelled(ColumnMapping(), pd.DataFrame({"other": [1, 2], "churned": [1, 0]}), declared)


@pytest.mark.parametrize(
    ("entry", "columns", "values"),
    [
        ('column = "less"', {"less": [7, 8]}, [7, 8]),
        ('column = "rebate"', {"rebate": [7, 8]}, [7, 8]),
        ('column = "rebate"', {"discount": [7, 8]}, [7, 8]),
        ("default = 3", {"rebate": [7, 8]}, [7, 8]),
        ("default = 3", {"discount": [7, 8]}, [7, 8]),
        ("default = 3", {}, [3, 3]),
        ('sum = ["a", "b"]', {"a": [1, 2], "b": [3, 4], "rebate": [7, 8]}, [4, 6]),
    ],
)
def test_an_entry_under_the_earlier_name_is_that_of_the_field(
    tmp_path: Path, entry: str, columns: dict[str, list[Any]], values: list[Any]
) -> None:
    rows = labelled(tmp_path, f"[features]\nrebate = {{ {entry} }}", contract(discount=DISCOUNT), **columns)
    assert rows["discount"].tolist() == values


def test_entries_under_both_names_of_a_field_are_refused(tmp_path: Path) -> None:
    text = "[features]\nrebate = { default = 3 }\ndiscount = { default = 4 }"
    with pytest.raises(MappingInvalid, match=r"\[features\] names discount and rebate, which are one field"):
        read(tmp_path, text, contract(discount=DISCOUNT))
