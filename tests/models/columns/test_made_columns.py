"""Ratios, differences and defaults of the columns file, outcomes of several words, and columns that are refused."""

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import Field

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.conversions import Conversions
from models.columns.errors import ColumnMissing, ColumnUnsupported, MappingInvalid, TargetUnclear
from models.customer import tables
from models.customer.contract import Contract
from models.customer.declaration import Features, derive


class _Customer(Features):
    made: float | None = Field(ge=-100, le=100, examples=[0.5])
    paperless: bool = Field(examples=[True])


CONTRACT = derive(_Customer)


def _mapping(folder: Path, text: str, contract: Contract = CONTRACT) -> ColumnMapping:
    path = folder / "columns.toml"
    path.write_text(text)
    return column_mapping.read(path, contract)


def _labelled(folder: Path, text: str, **columns: list[Any]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    table = pd.DataFrame({"paperless": [True] * rows, "churned": ([1, 0] * rows)[:rows]} | columns)
    return column_mapping.labelled(_mapping(folder, text), table, CONTRACT)


def test_a_ratio_divides_and_a_difference_subtracts(tmp_path: Path) -> None:
    cells: dict[str, list[Any]] = {"a": ["3", "1.5", "-2"], "b": [2, 0.5, 4]}
    for entry, expected in (("ratio", [1.5, 3, -0.5]), ("difference", [1, 1, -6])):
        rows = _labelled(tmp_path, f'[features]\nmade = {{ {entry} = ["a", "b"] }}', **cells)
        assert rows["made"].tolist() == expected


def test_an_unknown_part_makes_them_unknown_and_an_unreadable_one_unreadable(tmp_path: Path) -> None:
    for entry in ("ratio", "difference"):
        text = f'[features]\nmade = {{ {entry} = ["a", "b"], nulls = ["?"] }}'
        rows = _labelled(tmp_path, text, a=["1", "", "?", "many"], b=["", "2", "3", "0"])
        np.testing.assert_array_equal(rows["made"], [np.nan, np.nan, np.nan, np.inf])


def test_a_division_by_zero_is_unknown_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    a, b = ["1", "0", "", "4"], [0, 0.0, 0, 2]
    rows = _labelled(tmp_path, '[features]\nmade = { ratio = ["a", "b"] }', a=a, b=b)
    np.testing.assert_array_equal(rows["made"], [np.nan, np.nan, np.nan, 2])
    assert [record.getMessage() for record in caplog.records] == [
        'made is unknown in 2 rows, because "b" is zero there'  # the third is unknown in any case
    ]


def test_divisions_by_zero_are_counted_over_the_parts_of_a_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mapping, counted = _mapping(tmp_path, '[features]\nmade = { ratio = ["a", "b"] }'), Conversions()
    part = pd.DataFrame({"a": [1.0] * 600, "b": [0.0] * 600, "paperless": [True] * 600})
    for _ in range(2):
        column_mapping.features(mapping, part, CONTRACT, counted)
    counted.tell()
    assert [record.getMessage() for record in caplog.records] == [
        'made is unknown in 1,200 rows, because "b" is zero there'
    ]


def test_too_large_a_ratio_is_refused_and_not_unknown(tmp_path: Path) -> None:
    rows = _labelled(tmp_path, '[features]\nmade = { ratio = ["a", "b"] }', a=[1e300, 1.0], b=[1e-300, 1.0])
    np.testing.assert_array_equal(rows["made"], [np.inf, 1])


def test_a_default_stands_for_a_column_that_a_table_lacks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = '[features]\nmade = { column = "a", default = 7 }'
    assert _labelled(tmp_path, text, b=[1, 2])["made"].tolist() == [7, 7]
    assert [record.getMessage() for record in caplog.records] == [
        'made is 7 in all rows, the default, because the table has no column "a"'
    ]
    assert _labelled(tmp_path, "[features]\nmade = { default = 7 }", b=[1, 2])["made"].tolist() == [7, 7]


def test_a_default_does_not_fill_empty_cells(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = _labelled(tmp_path, "[features]\nmade = { default = 7 }", made=["1", ""])
    np.testing.assert_array_equal(rows["made"], [1, np.nan])
    assert not caplog.records


def test_a_default_stands_for_a_ratio_of_which_a_part_is_missing(tmp_path: Path) -> None:
    text = '[features]\nmade = { ratio = ["a", "b"], default = "NA" }'
    assert _labelled(tmp_path, text, a=[1, 2])["made"].isna().all()
    assert _labelled(tmp_path, text, a=[1, 2], b=[2, 2])["made"].tolist() == [0.5, 1]


def test_without_a_default_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing, match=r'no column "b";.*b in line 2'):
        _labelled(tmp_path, '[features]\nmade = { ratio = ["a", "b"] }', a=[1, 2])


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("made = { default = 500 }", "gives made the default 500, but: made above 100"),
        ('made = { default = "many" }', "gives made the default 'many', but: made not a number"),
        ('paperless = { default = "NA" }', "gives paperless the default 'NA', but: paperless missing"),
        ('made = { ratio = ["a"] }', "a difference or ratio is of two columns"),
        ('made = { difference = ["a", "b", "c"] }', "a difference or ratio is of two columns"),
        ('made = { ratio = ["a", "b"], sum = ["a"] }', "give one of column, sum, difference and ratio"),
        ("made = { nulls = ['x'] }", "give a column, or a sum, difference or ratio of columns"),
        ('paperless = { ratio = ["a", "b"] }', "makes paperless of numbers, but it is a boolean; give it one column"),
        ('made = { formula = "a / b" }', "formula"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_before_a_table_is_read(tmp_path: Path, entry: str, problem: str) -> None:
    with pytest.raises(MappingInvalid, match=re.escape(problem)):
        _mapping(tmp_path, f"[features]\n{entry}\n")


def test_an_outcome_may_have_several_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = '[target]\ncolumn = "status"\npositive = ["Churned", "Left"]\n'
    status = ["Churned", "Left", "Stayed", "Joined", None, ""]
    rows = _labelled(tmp_path, text, made=[1] * 6, status=status)
    np.testing.assert_array_equal(rows["churned"], [1, 1, 0, 0, np.nan, np.nan])
    assert "status: 'Churned', 'Left' mean churn, and all others do not: 'Joined', 'Stayed'" in caplog.messages


def test_a_listed_word_that_no_row_has_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = '[target]\ncolumn = "status"\npositive = [2, 3]\n'
    assert _labelled(tmp_path, text, made=[1, 1], status=[2.0, 1.0])["churned"].tolist() == [1, 0]
    assert caplog.messages == ["status: no row has '3', which `positive` lists"]


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (["Churned", "Left"], "at least one of 'Churned' and 'Left' and at least one other value are needed"),
        (["Stayed", "Joined"], "at least one of 'Churned' and 'Left' and at least one other value are needed"),
        (["Left", "churned"], "only the case differs from 'churned'. Write positive = [..., \"churned\"] under"),
        (["Left", *map(str, range(30))], "at most 20 in all"),
    ],
)
def test_words_that_do_not_tell_the_outcome_are_refused(tmp_path: Path, status: list[str], problem: str) -> None:
    text = '[target]\ncolumn = "status"\npositive = ["Churned", "Left"]\n'
    with pytest.raises(TargetUnclear, match=re.escape(problem)):
        _labelled(tmp_path, text, made=[1] * len(status), status=status)


def test_one_word_of_three_leads_to_the_list(tmp_path: Path) -> None:
    text = '[target]\ncolumn = "status"\npositive = "Churned"\n'
    with pytest.raises(TargetUnclear, match=r'nobody left, write positive = \["Churned"\] under \[target\]'):
        _labelled(tmp_path, text, made=[1] * 3, status=["Churned", "Joined", "Stayed"])


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (pa.array([None, [1.0], [2.0]]), "lists"),
        (pa.array([None, {"a": 1}, {"a": 2}]), "objects"),
        (pa.array([b"", b"x", b"y"]), "bytes"),
    ],
)
def test_a_column_of_lists_or_objects_is_refused_with_the_reason(tmp_path: Path, cells: pa.Array, kind: str) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"made": cells, "paperless": [True] * 3}), path)
    with pytest.raises(ColumnUnsupported, match=f'column "made" of feature made holds {kind}, but a feature has one'):
        column_mapping.features(ColumnMapping(), tables.read(path).to_pandas(), CONTRACT)


@pytest.mark.parametrize(("cell", "kind"), [("[1, 2]", "lists"), ('{"a": 1}', "objects")])
def test_lists_in_json_lines_are_refused_as_well(tmp_path: Path, cell: str, kind: str) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text(f'{{"made": null, "paperless": true}}\n{{"made": {cell}, "paperless": true}}\n')
    with pytest.raises(ColumnUnsupported, match=f"holds {kind}"):
        column_mapping.features(ColumnMapping(), tables.read(path).to_pandas(), CONTRACT)


def test_a_text_that_begins_like_a_list_is_a_text(tmp_path: Path) -> None:
    rows = _labelled(tmp_path, "", made=["[redacted]", "1"])
    assert rows["made"].tolist() == ["[redacted]", 1]
