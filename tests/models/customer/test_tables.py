"""Tables are read cell for cell, whatever a CSV file contains, and the error for an invalid file names the place."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.customer import tables
from models.customer.errors import TableMissing, TableUnreadable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def cells(path: Path) -> list[tuple[str | None, ...]]:
    """Read a table as rows of cells, its header first."""
    table = tables.read(path)
    return [tuple(table.column_names), *zip(*(column.to_pylist() for column in table.columns), strict=True)]


def write(path: Path, table: pa.Table) -> Path:
    with tables.writing(path, table.schema) as write_rows:
        write_rows(table)
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,x\n", [("a", "b"), ("1", "x")]),
        (b"\xef\xbb\xbfa,b\r\n1,x\r\n", [("a", "b"), ("1", "x")]),
        (b"\n\na,b\n\n1,x\n\n\n2,y", [("a", "b"), ("1", "x"), ("2", "y")]),
        (b'a,b\n1,"two\nlines, and ""quotes"""\n', [("a", "b"), ("1", 'two\nlines, and "quotes"')]),
        (b"a,b\n 1 ,\nNA,007\n", [("a", "b"), (" 1 ", ""), ("NA", "007")]),
        ("a,b\n1,Zoë\n".encode(), [("a", "b"), ("1", "Zoë")]),
        (b"a,a,\n1,2,3\n", [("a", "a", ""), ("1", "2", "3")]),
        (b"a,b\n", [("a", "b")]),
    ],
)
def test_csv_is_read_cell_for_cell(path: Path, content: bytes, expected: list[tuple[str, ...]]) -> None:
    path.write_bytes(content)
    assert cells(path) == expected


@pytest.mark.parametrize("rows", [1, 2, 3, 50])
def test_a_row_of_another_length_is_marked_wherever_a_chunk_begins(path: Path, rows: int) -> None:
    path.write_text("a,b\n1,2\n3\n4,5,6\n7,8\n")
    chunks = list(tables.chunks(path, rows=rows))
    assert [bool(misfit) for chunk in chunks for misfit in chunk.misfit] == [False, True, True, False]
    assert [cell for chunk in chunks for cell in chunk.table["b"].to_pylist()] == ["2", None, "5", "8"]
    assert sum(chunk.fraction for chunk in chunks) == pytest.approx(1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"table\.csv: it is empty\. Give a \.csv, \.tsv, \.jsonl"),
        (b"\n\n", "it is empty"),
        (b'a,b\n1,"x\n2,y\n', "line 3: unexpected end of data"),
        (b'a,b\n1,"x"y\n2,y\n', "line 2: ',' expected"),
        (
            b"a,b\n1,\xe9\n",
            r"""row 1, column "b": byte 0xe9 .* Add encoding = "cp1252".*\[csv\]""",
        ),
        (b"a,b\n1," + b"x" * 200_000, "line 2: field larger than field limit"),
    ],
)
def test_a_file_that_is_no_csv_is_named_with_the_place(path: Path, content: bytes, problem: str) -> None:
    path.write_bytes(content)
    with pytest.raises(TableUnreadable, match=problem):
        tables.read(path)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(TableUnreadable, match=r"table\.parquet: .*Parquet magic bytes"):
        tables.schema(path)


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TableMissing, match=rf"{name}: no such file\."):
        tables.schema(tmp_path / name)


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_parquet_columns_keep_their_types_and_nulls(tmp_path: Path, rows: int) -> None:
    table = pa.table(
        {
            "whole": pa.array([1, None, 3], pa.int32()),
            "price": pa.array([Decimal("1.50"), None, Decimal("2.00")], pa.decimal128(10, 2)),
            "tags": pa.array([["a"], [], None]),
            "plan": pa.array(["x", "y", None]).dictionary_encode(),
            "since": pa.array([datetime(2026, 1, 1, tzinfo=UTC), None, datetime(9999, 1, 1, tzinfo=UTC)]),
        }
    )
    first = write(tmp_path / "first.parquet", table)
    second = tmp_path / "second.parquet"
    with tables.writing(second, tables.schema(first)) as write_rows:
        for chunk in tables.chunks(first, rows=rows):
            assert not chunk.misfit.any()
            write_rows(chunk.table)
    assert pq.read_table(second).cast(table.schema) == table
    assert pq.read_schema(second) == table.schema


@pytest.mark.parametrize("text", ["", " x ", "a,b", 'say "no"', "two\nlines", "lone\rreturn", "both\r\nends", "Zoë"])
def test_any_text_comes_back_from_csv_as_it_went(path: Path, text: str) -> None:
    assert cells(write(path, pa.table({"a": [text], "b": ["last"]}))) == [("a", "b"), (text, "last")]
    assert cells(write(path, pa.table({"only": [text]}))) == [("only",), (text,)]


def test_csv_takes_every_type_and_ends_its_rows_plainly(path: Path) -> None:
    write(path, pa.table({"a": [1, None], "b": [0.1, 1e-7], "c": [date(2026, 1, 2), None], "d": [[1], None]}))
    assert path.read_bytes() == b"a,b,c,d\n1,0.1,2026-01-02,[1]\n,1e-07,,\n"


@pytest.mark.parametrize("group_rows", [20_000, 1_000_000], ids=["many row groups", "one row group"])
def test_of_a_parquet_file_only_a_chunk_is_in_memory(tmp_path: Path, group_rows: int) -> None:
    path, draw = tmp_path / "large.parquet", np.random.default_rng(7)
    pq.write_table(pa.table({f"c{at}": draw.random(1_000_000) for at in range(4)}), path, row_group_size=group_rows)
    assert path.stat().st_size > 32_000_000

    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in tables.chunks(path, rows=10_000)]
    assert len(held) == 100
    assert max(held) < 16_000_000
