"""A value is read alike however a program wrote it: whole numbers, numbers as text, and words for unknown."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import Field

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.errors import MappingInvalid
from models.columns.origins import Source
from models.customer import tables
from models.customer.contract import Contract
from models.customer.declaration import Features, derive
from models.customer.files.csv_format import CsvFormat


class _Customer(Features):
    code: Literal[0, 1, 2] = Field(examples=[0])
    plan: Literal["1", "2", "3"] = Field(examples=["1"])
    months: int | None = Field(ge=0, le=100, examples=[4])
    active: bool = Field(examples=[True])


@pytest.fixture(scope="module")
def contract() -> Contract:
    return derive(_Customer)


COLUMNS: dict[str, tuple[list[Any], pa.DataType | None]] = {
    "whole numbers": ([0, 1, 0, 1], pa.int64()),
    "floats": ([0.0, 1.0, 0.0, 1.0], pa.float64()),
    "decimals": ([Decimal("0.00"), Decimal("1.00")] * 2, pa.decimal128(10, 2)),
    "text": (["0", "1.0", "0.00", " 1. "], pa.string()),
    "dictionary": (["0", "1.0", "0.00", "1"], pa.dictionary(pa.int32(), pa.string())),
    "dictionary of numbers": ([0, 1, 0, 1], pa.dictionary(pa.int32(), pa.int64())),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("kind", [".csv", ".parquet"])
def test_whole_numbers_are_whole_however_they_are_written(
    tmp_path: Path, contract: Contract, kind: str, name: str
) -> None:
    values, type_ = COLUMNS[name]
    cells, path = pa.array(values, type_), tmp_path / f"table{kind}"
    plans = pa.array(["3", "1", "3", "1"]) if name == "text" else pa.array([3, 1, 3, 1])
    table = pa.table({"code": cells, "plan": plans, "months": cells, "active": cells, "churned": cells})
    with tables.writing(path, table.schema) as write:
        write(table)
    rows = column_mapping.labelled(ColumnMapping(), tables.read(path).to_pandas(), contract)
    encoded = [feature.encode(rows[feature.name]).tolist() for feature in contract.features]
    assert encoded == [[0, 1, 0, 1], [2, 0, 2, 0], [0, 1, 0, 1], [0, 1, 0, 1]]
    assert rows["churned"].tolist() == [0, 1, 0, 1]


def test_codes_with_an_unknown_one_are_floats_and_still_read(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"code": [0, None], "plan": [2, None], "months": [1, None], "active": [True, None]}), path)
    rows = column_mapping.features(ColumnMapping(), tables.read(path).to_pandas(), contract)
    np.testing.assert_array_equal(contract.features[1].encode(rows["plan"]), [1, np.nan])
    np.testing.assert_array_equal(contract.features[0].encode(rows["code"]), [0, np.nan])


@pytest.mark.parametrize("cell", [1.5, "1.5", "01", True, Decimal("1.5")])
def test_a_cell_that_is_no_code_stays_one(contract: Contract, cell: object) -> None:
    rows = pd.DataFrame({"code": pd.Series([cell, 0], dtype=object), "plan": "1", "months": 1, "active": 1})
    found = column_mapping.features(ColumnMapping(), rows, contract)
    assert np.isinf(contract.features[0].encode(found["code"])).tolist() == [True, False]


@pytest.mark.parametrize("word", ["", "#N/A", "<NA>", "NaN", "-", "NaT", "n/a", "null", "#NA"])
def test_the_usual_words_for_unknown_are_known(contract: Contract, word: str) -> None:
    rows = pd.DataFrame({"code": ["0"], "plan": ["1"], "months": [word], "active": ["1"]})
    found = column_mapping.features(ColumnMapping(), rows, contract)
    assert np.isnan(contract.features[2].encode(found["months"])).all()


def test_a_dash_is_a_category_where_the_contract_says_so() -> None:
    class Dashed(Features):
        grade: Literal["-", "+"] = Field(examples=["-"])

    rows = column_mapping.features(ColumnMapping(), pd.DataFrame({"grade": ["-", "+"]}), derive(Dashed))
    assert rows["grade"].tolist() == ["-", "+"]


def test_words_for_unknown_are_declared_once_for_all_columns_or_for_one(contract: Contract) -> None:
    rows = pd.DataFrame({"code": ["0"] * 3, "plan": ["1"] * 3, "months": ["?", "-999", "7"], "active": ["1"] * 3})
    mapping = ColumnMapping(features={"months": Source(column="months", nulls=["-999"])}, csv=CsvFormat(nulls=["?"]))
    found = column_mapping.features(mapping, rows, contract)
    np.testing.assert_array_equal(contract.features[2].encode(found["months"]), [np.nan, np.nan, 7])


@pytest.mark.parametrize(
    ("style", "written", "expected"),
    [
        (CsvFormat(decimal=","), ["1,5", "20", "1.5", "1,5,5"], [1.5, 20, np.inf, np.inf]),
        (
            CsvFormat(decimal=",", thousands="."),
            ["1.234,5", "1234,5", "1.23", "-12.000"],
            [1234.5] * 2 + [np.inf, -12000],
        ),
        (CsvFormat(thousands=","), ["1,234.5", "12,34", "1,234,567", "9"], [1234.5, np.inf, 1234567, 9]),
        (
            CsvFormat(decimal=",", thousands=" "),
            ["1 234,5", "1\u00a0234", "1\u202f234", "1  234"],
            [1234.5, 1234, 1234, np.inf],
        ),
        (CsvFormat(thousands="'"), ["1'234", "1e3", "#N/A", "-"], [1234, 1000, np.nan, np.nan]),
    ],
)
def test_numbers_are_read_as_declared_and_in_no_other_way(
    style: CsvFormat, written: list[str], expected: list[float]
) -> None:
    class Priced(Features):
        price: float | None = Field(ge=-1e6, le=1e9, examples=[1.5])

    contract = derive(Priced)
    rows = column_mapping.features(ColumnMapping(csv=style), pd.DataFrame({"price": written}), contract)
    np.testing.assert_array_equal(contract.features[0].encode(rows["price"]), expected)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('decimal = ","\nthousands = ","', "decimal and thousands are the same sign"),
        ('encoding = "cp9999"', "'cp9999' is not an encoding"),
        ('encoding = "base64"', "'base64' is not an encoding"),
        ('delimiter = ";;"', "give one character"),
        ('separator = ";"', "csv.separator: Extra inputs"),
    ],
)
def test_a_mistake_in_the_section_csv_is_named(tmp_path: Path, contract: Contract, content: str, problem: str) -> None:
    path = tmp_path / "columns.toml"
    path.write_text(f"[csv]\n{content}\n")
    with pytest.raises(MappingInvalid, match=problem):
        column_mapping.read(path, contract)
