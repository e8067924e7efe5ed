"""Tables in files, CSV or Parquet, read and written some rows at a time, so that a file of any size fits.

A cell of a CSV file is text, because a guess of its type would depend on the cells around it; a column of a Parquet
file keeps its type.
"""

import csv
import errno
from collections.abc import Callable, Iterator
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
from training.errors import TableUnreadable

MISFIT = "another number of cells than the header"
"""Why a misfit cannot be used."""
CHUNK_ROWS = 50_000
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table, in its order."""

    table: pa.Table
    misfit: Mask
    """(n,) rows that had more cells than the header and were cut, or fewer and were filled with nulls."""
    fraction: float
    """How much of the file they take."""


def require_kind(path: Path) -> None:
    """Make sure that a file is of a kind that is read and written here.

    Raises:
        TableUnreadable: its suffix is another one.
    """
    if path.suffix.lower() not in _READERS:
        raise TableUnreadable(path=path, problem=f"{path.suffix or 'no suffix'} is not a kind of file that is known")


def schema(path: Path) -> pa.Schema:
    """Return the names and types of a table's columns.

    Raises:
        TableUnreadable: there is no such file, or it is not what its suffix says.
    """
    return next(_headed_chunks(path, 1)).table.schema


def read(path: Path) -> Chunk:
    """Read a whole table.

    Raises:
        TableUnreadable: there is no such file, or it is not what its suffix says.
    """
    parts = list(_headed_chunks(path, CHUNK_ROWS))
    table = pa.concat_tables(part.table for part in parts)
    return Chunk(table, misfit=np.concatenate([part.misfit for part in parts]), fraction=1)


def chunks(path: Path, *, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """Read a table, at most so many rows at a time.

    Raises:
        TableUnreadable: there is no such file, or it is not what its suffix says.
    """
    return islice(_headed_chunks(path, rows), 1, None)


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


def _headed_chunks(path: Path, rows: int) -> Iterator[Chunk]:
    """Read a chunk without rows, which tells the columns, and then the others."""
    require_kind(path)
    try:
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "No such file")
        yield from _READERS[path.suffix.lower()](path, rows)
    except (OSError, ValueError) as error:  # what pyarrow raises is one or the other
        problem = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        raise TableUnreadable(path=path, problem=problem.splitlines()[0].rstrip(".")) from error


def _csv_chunks(path: Path, rows: int) -> Iterator[Chunk]:
    # Not with pandas, which drops a cell too many silently where a row is the first of a chunk.
    size, position = path.stat().st_size, 0
    with path.open("rb") as file, TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(text, strict=True)
        filled = (cells for cells in lines if cells)  # a blank line is no row
        try:
            columns = _header(filled)
            yield _chunk(columns, [], fraction=0)
            while cells := list(islice(filled, rows)):
                start, position = position, file.tell()
                yield _chunk(columns, cells, fraction=(position - start) / size)
        except csv.Error as error:
            raise ValueError(f"line {lines.line_num}: {error}") from error


def _header(filled: Iterator[list[str]]) -> pa.Schema:
    names = next(filled, None)
    if names is None:
        raise ValueError("it is empty")
    return pa.schema([(name, pa.string()) for name in names])


def _chunk(columns: pa.Schema, cells: list[list[str]], *, fraction: float) -> Chunk:
    width = len(columns)
    misfit = np.array([len(row) != width for row in cells], dtype=np.bool_)
    fitted = [[*row, *[None] * width][:width] for row in cells] if misfit.any() else cells
    values = [pa.array(column, pa.string()) for column in zip(*fitted, strict=True)]
    table = pa.table(values, schema=columns) if values else columns.empty_table()
    return Chunk(table, misfit, fraction)


def _parquet_chunks(path: Path, rows: int) -> Iterator[Chunk]:
    # Else pyarrow reads ahead, and keeps what it has read: all of the file in the end.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
        columns = file.schema_arrow.remove_metadata()  # pandas' own speaks of an index
        yield Chunk(columns.empty_table(), np.zeros(0, dtype=np.bool_), fraction=0)
        for batch in file.iter_batches(rows):
            fraction = batch.num_rows / file.metadata.num_rows
            yield Chunk(pa.table(batch.columns, schema=columns), np.zeros(batch.num_rows, dtype=np.bool_), fraction)


_READERS: dict[str, Callable[[Path, int], Iterator[Chunk]]] = {".csv": _csv_chunks, ".parquet": _parquet_chunks}
