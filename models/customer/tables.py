"""Reads tables of customers in chunks, from the kinds of files in `models.customer.files`; writes CSV and Parquet.

Cells of all files but Parquet are text. Parquet columns keep their types.
"""

import csv
import logging
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from models.customer import parsing
from models.customer.errors import TableLocked, TableMissing, TableUnreadable
from models.customer.files import csv_files, json_lines, parquet_files, store_errors, workbooks
from models.customer.files.chunk import CHUNK_ROWS, Chunk, Selection
from models.customer.files.csv_format import CsvFormat
from models.customer.files.partitions import Partition, Piece
from models.customer.files.stores import StorePath, Table

WRITTEN = (".csv", ".parquet")
MISFIT = "another number of cells than the header"
"""Reason for rejecting a misfit row."""
REMEDY = (
    "Give a .csv, .tsv, .jsonl (each also as .gz), .xlsx or .parquet file, or a folder of .parquet files, with a "
    "header and one row for each customer."
)

TITLE_REMEDY = "If a title or another line is above the header, remove it."
"""Remedy where already the first row is a misfit, or the header has one name only."""

logger = logging.getLogger(__name__)


def is_known(name: str) -> bool:
    """Tell whether a name has the suffix of a table."""
    return _suffix(name) in _READERS


def require_writable_kind(path: Table) -> None:
    """Check that a path has the suffix of a kind of file that can be written.

    Raises:
        TableUnreadable: it does not.
    """
    if path.suffix.lower() not in WRITTEN:
        remedy = f"Name a {' or '.join(WRITTEN)} file to write."
        raise TableUnreadable(path=path, problem=_unknown(path), remedy=remedy)


def schema(path: Table, style: CsvFormat = parsing.PLAIN) -> pa.Schema:
    """Return the names and types of a table's columns; names are without the blanks around them.

    Raises:
        TableError: the file does not exist, or cannot be read in the format of its suffix.
    """
    return _said(path, next(_headed_chunks(path, Selection(rows=1, style=style)))).table.schema


def read(path: Table, *, used: Collection[str] | None = None, style: CsvFormat = parsing.PLAIN) -> pa.Table:
    """Read a whole table; columns that are not `used` may hold bytes that are no text, which become U+FFFD.

    Raises:
        TableError: the file does not exist, cannot be read in the format of its suffix, or has a misfit row.
    """
    parts = _headed_chunks(path, Selection(used=used, style=style))
    return pa.concat_tables([_said(path, chunk).table for chunk in reject_misfits(path, parts)])


def chunks(
    path: Table,
    *,
    rows: int = CHUNK_ROWS,
    columns: Sequence[str] | None = None,
    used: Collection[str] | None = None,
    style: CsvFormat = parsing.PLAIN,
    piece: Piece | None = None,
) -> Iterator[Chunk]:
    """Read a table, or a piece of it, in chunks of at most `rows` rows; all columns, or only `columns`, in their order.

    Columns that are not `used` may hold bytes that are no text, which become U+FFFD.

    Raises:
        TableError: the file does not exist, or cannot be read in the format of its suffix.
        ColumnRepeated: the table has more than one column of a name in `columns`.
    """
    return islice(_headed_chunks(path, Selection(rows, columns, used, style, piece)), 1, None)


def pieces(path: Table, *, rows: int) -> list[Piece]:
    """Divide a table into parts that can be read on their own, each of about `rows` rows; only Parquet has several.

    Raises:
        TableError: the file does not exist, or cannot be read in the format of its suffix.
    """
    if _kind(path) != ".parquet":
        return [Piece(Partition(path), None)]
    with reading(path):
        return parquet_files.pieces(path, rows)


def reject_misfits(path: Table, parts: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield chunks until a row is a misfit.

    Raises:
        TableUnreadable: a row is a misfit; the error names its number, counted from 1 without the header.
    """
    before = 0
    for part in parts:
        if part.misfit.any():
            number = before + int(part.misfit.argmax()) + 1
            remedy = f"{TITLE_REMEDY} {REMEDY}" if number == 1 else REMEDY
            raise TableUnreadable(path=path, problem=f"row {number} has {MISFIT}", remedy=remedy)
        before += len(part.misfit)
        yield part


@contextmanager
def writing(path: Path, columns: pa.Schema, style: CsvFormat = parsing.PLAIN) -> Iterator[Callable[[pa.Table], object]]:
    """Open a file for writing a table, and yield the function that writes rows to it; `style` is that of CSV files."""
    if path.suffix.lower() == ".parquet":
        with pq.ParquetWriter(path, columns) as file:
            yield file.write_table
    else:
        with path.open("w", encoding=style.encoding or "utf-8", errors="replace", newline="") as text:
            rows = csv.writer(_Lines(text), delimiter=style.delimiter or ",", quotechar=style.quote)
            rows.writerow(columns.names)
            yield lambda table: rows.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))


class _Lines:
    """Text file that turns a `csv.writer`'s CR LF into LF: only with CR LF does the writer quote a CR in a cell."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text

    def write(self, row: str) -> None:
        self._text.write(row[:-2] + "\n")


@contextmanager
def reading(path: Table) -> Iterator[None]:
    """Convert the errors of reading a file into one.

    Raises:
        TableError: the file does not exist, or reading it failed.
    """
    if not path.exists():
        raise TableMissing(path=path)
    try:
        yield
    except PermissionError as error:
        raise TableLocked(path=path) from error
    except (OSError, ValueError, EOFError, zlib.error, pa.ArrowException) as error:  # EOFError and zlib.error: of gzip
        is_of_store = isinstance(path, StorePath) and (isinstance(error, OSError) or type(error) is pa.ArrowException)
        if is_of_store and (refused := store_errors.known(path, error)):
            raise refused from error
        problem = store_errors.first_line(getattr(error, "strerror", None) or error)
        raise TableUnreadable(path=path, problem=problem, remedy=REMEDY) from error


def _unknown(path: Table) -> str:
    return f"{path.suffix or 'no suffix'} is not a known kind of file"


def _headed_chunks(path: Table, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows."""
    kind = _kind(path)
    if kind not in _READERS and (path.suffix or path.exists()):
        raise TableUnreadable(path=path, problem=_unknown(path), remedy=REMEDY)
    with reading(path):
        yield from _require_names(path, _READERS[kind](path, selection))


def _require_names(path: Table, parts: Iterator[Chunk]) -> Iterator[Chunk]:
    """Check that the header is no title: one name beside empty cells, above a row that has more values."""
    head = next(parts)
    names = head.table.column_names
    if len(names) < 3 or sum(map(bool, names)) != 1:
        return chain([head], parts)
    first = list(islice(parts, 1))
    values = [column[0].as_py() for part in first if len(part.table) for column in part.table.columns]
    if sum(map(bool, values)) > 1:
        problem = f"all cells of its header but {''.join(names)!r} are empty"
        raise TableUnreadable(path=path, problem=problem, remedy=f"{TITLE_REMEDY} {REMEDY}")
    return chain([head], first, parts)


def _said(path: Table, part: Chunk) -> Chunk:
    for remark in part.remarks:
        logger.warning("%s: %s", path, remark)
    return part


def _kind(path: Table) -> str:
    return ".parquet" if path.is_dir() else _suffix(path.name)


def _suffix(name: str) -> str:
    return PurePath(name.lower().removesuffix(".gz")).suffix


_READERS: dict[str, Callable[[Table, Selection], Iterator[Chunk]]] = {
    ".csv": csv_files.chunks,
    ".tsv": csv_files.chunks,
    ".jsonl": json_lines.chunks,
    ".xlsx": workbooks.chunks,
    ".parquet": parquet_files.chunks,
}
