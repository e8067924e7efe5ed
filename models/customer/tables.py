"""Reads and writes tables of customers: CSV and Parquet files of any size, some rows at a time.

A cell of a CSV file stays text, because a guess of its type would depend on the cells around it. A Parquet column keeps
its type.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.customer.contract import Mask
from models.customer.errors import ColumnRepeated, TableLocked, TableMissing, TableUnreadable

KINDS = (".csv", ".parquet")
MISFIT = "another number of cells than the header"
"""Why a misfit is rejected."""
CHUNK_ROWS = 50_000
_PIECE_ROWS = 1_000  # lists of more rows do not fit into the processor's cache, and take three times as long
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table, in the file's order."""

    table: pa.Table
    misfit: Mask
    """(n,) CSV rows with more cells than the header, which were cut, or with fewer, which were filled with nulls."""
    fraction: float
    """Share of the file in this chunk, 0 to 1."""


def require_kind(path: Path, kinds: Sequence[str] = KINDS) -> None:
    """Make sure that a file's suffix is one of `kinds`.

    Raises:
        TableUnreadable: the suffix is another one.
    """
    if path.suffix.lower() not in kinds:
        problem = f"{path.suffix or 'no suffix'} is not a known kind of file"
        raise TableUnreadable(path=path, problem=problem, remedy=_remedy(kinds))


def schema(path: Path) -> pa.Schema:
    """Return the names and types of a table's columns.

    Raises:
        TableError: there is no such file, or it is not what its suffix says.
    """
    return next(_headed_chunks(path, 1, None)).table.schema


def read(path: Path) -> pa.Table:
    """Read a whole table.

    Raises:
        TableError: there is no such file, it is not what its suffix says, or a row is a misfit.
    """
    return pa.concat_tables([chunk.table for chunk in fitting(path, _headed_chunks(path, CHUNK_ROWS, None))])


def chunks(path: Path, *, rows: int = CHUNK_ROWS, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
    """Read a table, at most so many rows at a time; all columns, or those named, in their order.

    Raises:
        TableError: there is no such file, or it is not what its suffix says.
        ColumnRepeated: the table has a named column twice.
    """
    return islice(_headed_chunks(path, rows, columns), 1, None)


def fitting(path: Path, parts: Iterable[Chunk]) -> Iterator[Chunk]:
    """Pass chunks on until a row is a misfit.

    Raises:
        TableUnreadable: a row is a misfit; the error has its number, from 1 and without the header.
    """
    before = 0
    for part in parts:
        if part.misfit.any():
            number = before + int(part.misfit.argmax()) + 1
            raise TableUnreadable(path=path, problem=f"row {number} has {MISFIT}", remedy=_remedy(KINDS))
        before += len(part.misfit)
        yield part


@contextmanager
def writing(path: Path, columns: pa.Schema) -> Iterator[Callable[[pa.Table], object]]:
    """Open a file for a table, and yield the function that writes rows to it."""
    if path.suffix.lower() == ".parquet":
        with pq.ParquetWriter(path, columns) as file:
            yield file.write_table
    else:
        with path.open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(_Lines(text))
            rows.writerow(columns.names)
            yield lambda table: rows.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))


class _Lines:
    """A text file for a `csv.writer` that ends its rows with CR LF: only then does it quote a CR in a cell."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text

    def write(self, row: str) -> None:
        self._text.write(row[:-2] + "\n")


@contextmanager
def reading(path: Path, kinds: Sequence[str] = KINDS) -> Iterator[None]:
    """Turn what goes wrong while a file is read into one error; `kinds` are the suffixes that its remedy names.

    Raises:
        TableError: whatever was raised.
    """
    if not path.exists():
        raise TableMissing(path=path)
    try:
        yield
    except PermissionError as error:
        raise TableLocked(path=path) from error
    except (OSError, ValueError) as error:  # pyarrow raises one of these two
        problem = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        raise TableUnreadable(path=path, problem=problem.splitlines()[0].rstrip(".!"), remedy=_remedy(kinds)) from error


def _remedy(kinds: Sequence[str]) -> str:
    return f"Give a {', '.join(kinds[:-1])} or {kinds[-1]} file with a header and one row for each customer."


def _headed_chunks(path: Path, rows: int, columns: Sequence[str] | None) -> Iterator[Chunk]:
    """Read first a chunk without rows, which has the columns, and then the rows."""
    require_kind(path)
    with reading(path):
        yield from _READERS[path.suffix.lower()](path, rows, columns)


def _csv_chunks(path: Path, rows: int, columns: Sequence[str] | None) -> Iterator[Chunk]:
    # pandas silently drops a surplus cell of a chunk's first row; pyarrow silently swallows rows after a broken quote.
    size, position, piece_rows = path.stat().st_size, 0, min(rows, _PIECE_ROWS)
    with path.open("rb") as file, TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(text, strict=True)
        filled = (cells for cells in lines if cells)  # a blank line is no row
        try:
            header = next(filled, None)
            if header is None:
                raise ValueError("it is empty")
            positions = _positions(header, columns)
            yield Chunk(*_piece([], header, positions), fraction=0)
            pieces = (_piece(cells, header, positions) for cells in iter(lambda: list(islice(filled, piece_rows)), []))
            while some := list(islice(pieces, rows // piece_rows)):
                parts, misfits = zip(*some, strict=True)
                start, position = position, file.tell()
                yield Chunk(pa.concat_tables(parts), np.concatenate(misfits), fraction=(position - start) / size)
        except csv.Error as error:
            raise ValueError(f"line {lines.line_num}: {error}") from error


def _piece(cells: list[list[str]], header: list[str], positions: Sequence[int]) -> tuple[pa.Table, Mask]:
    width = len(header)
    misfit = np.array([len(row) != width for row in cells], dtype=np.bool_)
    fitted = [[*row, *[None] * width][:width] for row in cells] if misfit.any() else cells
    whole = list(zip(*fitted, strict=True)) or [()] * width
    values = [pa.array(whole[at], pa.string()) for at in positions]
    return pa.table(values, schema=pa.schema([(header[at], pa.string()) for at in positions])), misfit


def _parquet_chunks(path: Path, rows: int, columns: Sequence[str] | None) -> Iterator[Chunk]:
    # Without these options pyarrow reads ahead and keeps what it has read: in the end, the whole file.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
        present = file.schema_arrow.remove_metadata()  # pandas' own describes an index
        wanted = pa.schema([present.field(at) for at in _positions(present.names, columns)])
        yield Chunk(wanted.empty_table(), np.zeros(0, dtype=np.bool_), fraction=0)
        for batch in file.iter_batches(rows, columns=columns and list(columns)):
            table = pa.table(batch.select(wanted.names).columns if columns else batch.columns, schema=wanted)
            yield Chunk(table, np.zeros(len(table), dtype=np.bool_), fraction=len(table) / file.metadata.num_rows)


def _positions(names: Sequence[str], columns: Sequence[str] | None) -> Sequence[int]:
    if columns is None:
        return range(len(names))
    if repeated := [name for name in columns if list(names).count(name) > 1]:
        raise ColumnRepeated(columns=repeated)
    return [list(names).index(name) for name in columns]


_READERS: dict[str, Callable[[Path, int, Sequence[str] | None], Iterator[Chunk]]] = {
    ".csv": _csv_chunks,
    ".parquet": _parquet_chunks,
}
