"""A part of a table, what is asked of its file, and how rows of text become parts."""

import logging
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pyarrow as pa

from models.customer.contract import Mask
from models.customer.errors import ColumnRepeated, TableUnreadable
from models.customer.files.csv_format import CsvFormat
from models.customer.files.partitions import Piece
from models.customer.files.stores import Table

CHUNK_ROWS = 50_000
_PIECE_ROWS = 1_000  # lists of more rows do not fit into the processor's cache, and take three times as long
_SURROGATE = re.compile("[\ud800-\udfff]")
"""What `models.customer.files.opening` reads a byte as that cannot be decoded."""
Cells = Sequence[str | None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """What is read of a file."""

    rows: int = CHUNK_ROWS
    """Most rows of a chunk."""
    columns: Sequence[str] | None = None
    """The columns to read, in this order; None for all."""
    used: Collection[str] | None = None
    """Columns whose bytes must be text; in the others, bytes that are none become U+FFFD. None for all."""
    style: CsvFormat = field(default_factory=CsvFormat)
    piece: Piece | None = None
    """The part of a Parquet file or folder to read; None for all."""

    def positions(self, names: Sequence[str]) -> Sequence[int]:
        """Return the positions of the columns to read.

        Raises:
            ColumnRepeated: one of them is there twice.
        """
        if self.columns is None:
            return range(len(names))
        if repeated := [name for name in self.columns if names.count(name) > 1]:
            raise ColumnRepeated(columns=repeated)
        return [names.index(name) for name in self.columns]


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a table, in the file's order."""

    table: pa.Table
    misfit: Mask
    """(n,) CSV rows with more cells than the header, which are cut, or with fewer, which are filled with nulls."""
    fraction: float
    """Share of the file in this chunk, 0 to 1."""
    remarks: Sequence[str] = ()
    """What a person should be told about the file; only the first chunk has them."""


def stripped(header: Sequence[str]) -> list[str]:
    """Remove the blanks around column names, and replace bytes in them that are no text."""
    return [_SURROGATE.sub("\ufffd", name).strip() for name in header]


def spaced(header: Sequence[str]) -> list[str]:
    """Return a remark for each name that has blanks around it."""
    names = [name for name in header if name != name.strip()]
    return [f"column {name!r} is read as {name.strip()!r}, without the blanks around it" for name in names]


def of_text(
    path: Table,
    header: Sequence[str],
    rows: Iterator[Cells],
    selection: Selection,
    progress: Callable[[], float],
    remarks: Sequence[str] = (),
) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks; `progress` is the share read so far, 0 to 1."""
    piece_rows = min(selection.rows, _PIECE_ROWS)
    builder = _Pieces(path, stripped(header), selection)
    yield Chunk(*builder.piece([]), fraction=0, remarks=[*remarks, *spaced(header)])
    pieces, position = (builder.piece(cells) for cells in iter(lambda: list(islice(rows, piece_rows)), [])), 0.0
    while some := list(islice(pieces, selection.rows // piece_rows)):
        parts, misfits = zip(*some, strict=True)
        start, position = position, progress()
        yield Chunk(pa.concat_tables(parts), np.concatenate(misfits), fraction=position - start)


class _Pieces:
    """Builds tables of few rows, and counts the rows for errors."""

    def __init__(self, path: Table, names: list[str], selection: Selection) -> None:
        self._path, self._names, self._used = path, names, selection.used
        self._positions = selection.positions(names)
        self._schema = pa.schema([(names[at], pa.string()) for at in self._positions])
        self._before = 0
        self._replaced: set[str] = set()

    def piece(self, cells: list[Cells]) -> tuple[pa.Table, Mask]:
        width = len(self._names)
        misfit = np.array([len(row) != width for row in cells], dtype=np.bool_)
        fitted = [[*row, *[None] * width][:width] for row in cells] if misfit.any() else cells
        whole = list(zip(*fitted, strict=True)) or [()] * width
        values = [self._array(self._names[at], whole[at]) for at in self._positions]
        self._before += len(cells)
        return pa.table(values, schema=self._schema), misfit

    def _array(self, name: str, cells: Cells) -> pa.Array:
        try:
            return pa.array(cells, pa.string())
        except UnicodeEncodeError as error:  # the bytes that could not be decoded are lone surrogates
            row = self._before + next(at for at, cell in enumerate(cells, 1) if cell and _SURROGATE.search(cell))
            byte = ord(str(error.object)[error.start]) - 0xDC00
            problem = f'row {row}, column "{name}": byte 0x{byte:02x} is not in the encoding of the file'
            if self._used is None or name in self._used:
                remedy = (
                    'Add encoding = "cp1252", or what it is, under [csv] in the columns file (--columns FILE.toml).'
                )
                raise TableUnreadable(path=self._path, problem=problem, remedy=remedy) from None
            if name not in self._replaced:
                self._replaced.add(name)
                logger.warning("%s: %s. No feature uses this column, so such bytes become U+FFFD", self._path, problem)
            return pa.array([cell and _SURROGATE.sub("\ufffd", cell) for cell in cells], pa.string())
