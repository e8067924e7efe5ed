"""Reads and writes tables of customers in chunks: CSV and Parquet files of any size.

CSV cells stay text, because a guessed type would depend on the other cells of the chunk. Parquet columns keep their
types.
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
"""Reason for rejecting a misfit row."""
CHUNK_ROWS = 50_000
_PIECE_ROWS = 1_000  # lists of more rows do not fit into the processor's cache, and take three times as long
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a table, in the file's order."""

    table: pa.Table
    misfit: Mask
    """(n,) CSV rows with more cells than the header, which are cut, or with fewer, which are filled with nulls."""
    fraction: float
    """Share of the file in this chunk, 0 to 1."""


def require_kind(path: Path, kinds: Sequence[str] = KINDS) -> None:
    """Check that a file's suffix is one of `kinds`.

    Raises:
        TableUnreadable: it is not.
    """
    if path.suffix.lower() not in kinds:
        problem = f"{path.suffix or 'no suffix'} is not a known kind of file"
        raise TableUnreadable(path=path, problem=problem, remedy=_remedy(kinds))


def schema(path: Path) -> pa.Schema:
    """Return the names and types of a table's columns.

    Raises:
        TableError: the file does not exist, or cannot be read in the format of its suffix.
    """
    return next(_headed_chunks(path, 1, None)).table.schema


def read(path: Path) -> pa.Table:
    """Read a whole table.

    Raises:
        TableError: the file does not exist, cannot be read in the format of its suffix, or has a misfit row.
    """
    return pa.concat_tables([chunk.table for chunk in reject_misfits(path, _headed_chunks(path, CHUNK_ROWS, None))])


def chunks(path: Path, *, rows: int = CHUNK_ROWS, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
    """Read a table in chunks of at most `rows` rows; all columns, or only `columns`, in their order.

    Raises:
        TableError: the file does not exist, or cannot be read in the format of its suffix.
        ColumnRepeated: the table has more than one column of a name in `columns`.
    """
    return islice(_headed_chunks(path, rows, columns), 1, None)


def reject_misfits(path: Path, parts: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield chunks until a row is a misfit.

    Raises:
        TableUnreadable: a row is a misfit; the error names its number, counted from 1 without the header.
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
    """Open a file for writing a table, and yield the function that writes rows to it."""
    if path.suffix.lower() == ".parquet":
        with pq.ParquetWriter(path, columns) as file:
            yield file.write_table
    else:
        with path.open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(_Lines(text))
            rows.writerow(columns.names)
            yield lambda table: rows.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))


class _Lines:
    """Text file that turns a `csv.writer`'s CR LF into LF: only with CR LF does the writer quote a CR in a cell."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text

    def write(self, row: str) -> None:
        self._text.write(row[:-2] + "\n")


@contextmanager
def reading(path: Path, kinds: Sequence[str] = KINDS) -> Iterator[None]:
    """Convert the errors of reading a file into one; its remedy names the suffixes `kinds`.

    Raises:
        TableError: the file does not exist, or reading it failed.
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
    """Yield an empty chunk that has the columns, and then the chunks of rows."""
    require_kind(path)
    with reading(path):
        yield from _READERS[path.suffix.lower()](path, rows, columns)


def _csv_chunks(path: Path, rows: int, columns: Sequence[str] | None) -> Iterator[Chunk]:
    # pandas silently drops a surplus cell of a chunk's first row; pyarrow silently drops rows after a broken quote.
    size, position, piece_rows = path.stat().st_size, 0, min(rows, _PIECE_ROWS)
    with path.open("rb") as file, TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(text, strict=True)
        filled = (cells for cells in lines if cells)  # a blank line is not a row
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
    # Without these options pyarrow reads ahead and keeps the read data in memory: in the end, the whole file.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
        present = file.schema_arrow.remove_metadata()  # pandas' metadata describes an index
        wanted = pa.schema([present.field(at) for at in _positions(present.names, columns)])
        yield Chunk(wanted.empty_table(), np.zeros(0, dtype=np.bool_), fraction=0)
        for batch in file.iter_batches(rows, columns=columns and list(columns)):
            table = pa.table(batch.select(wanted.names).columns if columns else batch.columns, schema=wanted)
            yield Chunk(table, np.zeros(len(table), dtype=np.bool_), fraction=len(table) / file.metadata.num_rows)


def _positions(names: Sequence[str], columns: Sequence[str] | None) -> Sequence[int]:
    if columns is None:
        return range(len(names))
    if repeated := [name for name in columns if names.count(name) > 1]:
        raise ColumnRepeated(columns=repeated)
    return [names.index(name) for name in columns]


_READERS: dict[str, Callable[[Path, int, Sequence[str] | None], Iterator[Chunk]]] = {
    ".csv": _csv_chunks,
    ".parquet": _parquet_chunks,
}
