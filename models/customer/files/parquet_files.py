"""Reads Parquet files in chunks, or a folder of them as Spark writes it; columns keep their types.

Columns that are names of folders, such as `year=2026`, are text. A column of that name in the files comes first.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models import plain_text
from models.customer.files import partitions, store_files
from models.customer.files.chunk import Chunk, Selection, spaced, stripped
from models.customer.files.partitions import Partition, Piece
from models.customer.files.stores import Table

_READ_BYTES = 1 << 20


def chunks(path: Table, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows.

    Raises:
        ValueError: a file is not Parquet, or the parts of a folder have different columns.
    """
    pieces = [selection.piece] if selection.piece else _files(path)
    parts = [piece.partition for piece in pieces]
    of_rows = sum(piece.rows or 0 for piece in pieces)
    with _opened(parts[0]) as file:
        first = stripped(file.schema_arrow.names)
    names = [*first, *(name for name in parts[0].columns if name not in first)]
    positions = selection.positions(names)
    wanted: pa.Schema | None = None
    for part, piece in zip(parts, pieces, strict=True):
        with _opened(part) as file:
            present = file.schema_arrow.remove_metadata()  # pandas' metadata describes an index
            _require_columns(stripped(present.names), like=parts[0], names=first)
            if wanted is None:
                types = [*present.types, *[pa.string()] * (len(names) - len(first))]
                wanted = pa.schema([(names[at], types[at]) for at in positions])
                empty = np.zeros(0, dtype=np.bool_)
                yield Chunk(wanted.empty_table(), empty, fraction=0, spaced=spaced(present.names))
            in_file = [at for at in positions if at < len(first)]
            asked = None if selection.columns is None else [present.names[at] for at in in_file]
            for batch in file.iter_batches(selection.rows, row_groups=piece.row_groups, columns=asked):
                columns = batch.columns if asked is None else batch.select(asked).columns
                read = dict(zip(in_file, columns, strict=True))
                table = _table(wanted, [read.get(at) for at in positions], part, len(batch))
                yield Chunk(table, np.zeros(len(table), dtype=np.bool_), fraction=len(table) / of_rows)


@contextmanager
def _opened(part: Partition) -> Iterator[pq.ParquetFile]:
    """Open a file; an error while it is open says which file of a folder it is about."""
    # Without these options pyarrow reads ahead and keeps the read data in memory: in the end, the whole file.
    options: dict[str, Any] = {"pre_buffer": False, "buffer_size": _READ_BYTES}
    try:
        with store_files.for_arrow(part.path) as source, pq.ParquetFile(source, **options) as file:
            yield file
    except (OSError, ValueError) as error:
        if not part.relative or isinstance(error, PermissionError):
            raise
        raise ValueError(f"{part.relative}: {plain_text.first_line(error)}") from error


def pieces(path: Table, rows: int) -> list[Piece]:
    """Divide a file, or the files of a folder, into parts of consecutive row groups, of at most `rows` rows if it can.

    Raises:
        ValueError: a file is not Parquet, or the parts of a folder have different columns.
    """
    found: list[Piece] = []
    first: tuple[Partition, list[str]] | None = None
    for file in _files(path):
        with _opened(file.partition) as opened:
            metadata = opened.metadata
            names = stripped(metadata.schema.to_arrow_schema().names)
            first = first or (file.partition, names)
            _require_columns(names, like=first[0], names=first[1])
        groups: list[int] = []
        counted = 0
        for number in range(metadata.num_row_groups):
            more = metadata.row_group(number).num_rows
            if groups and counted + more > rows:
                found.append(Piece(file.partition, counted, tuple(groups)))
                groups, counted = [], 0
            groups.append(number)
            counted += more
        if counted:
            found.append(Piece(file.partition, counted, tuple(groups)))
    return found


def _files(path: Table) -> list[Piece]:
    parts = partitions.find(path) if path.is_dir() else [Partition(path)]
    return [Piece(part, _rows(part)) for part in parts]


def _rows(part: Partition) -> int:
    with _opened(part) as file:
        return int(file.metadata.num_rows)


def _require_columns(present: Sequence[str], *, like: Partition, names: Sequence[str]) -> None:
    if list(present) != list(names):
        raise ValueError(f"it has other columns than {like.relative}")


def _table(wanted: pa.Schema, columns: Sequence[pa.Array | None], part: Partition, rows: int) -> pa.Table:
    arrays = []
    for column, made in zip(columns, wanted, strict=True):
        value = pa.scalar(part.columns.get(made.name), pa.string()) if column is None else None
        arrays.append(pa.repeat(value, rows) if column is None else column.cast(made.type))
    return pa.table(arrays, schema=wanted)
