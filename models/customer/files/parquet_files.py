"""Reads Parquet files in chunks, or a folder of them as Spark writes it; columns keep their types.

Columns that are names of folders, such as `year=2026`, are text. A column of that name in the files comes first.
What older exports of the log lack is null in their rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models import plain_text
from models.customer.files import archive_columns, partitions, store_errors, store_files
from models.customer.files.chunk import Chunk, Selection, spaced, stripped
from models.customer.files.partitions import Partition, Piece
from models.customer.files.stores import StorePath, Table

_READ_BYTES = 1 << 20


def chunks(path: Table, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows.

    Raises:
        ValueError: a file is not Parquet, or the parts of a folder have different columns.
    """
    pieces = [selection.piece] if selection.piece else _files(path)
    of_rows = sum(piece.rows or 0 for piece in pieces)
    like = next((piece.like for piece in pieces if piece.like), pieces[0].partition)
    with _opened(like) as file:
        whole = file.schema_arrow.remove_metadata()  # pandas' metadata describes an index
    first = stripped(whole.names)
    names = [*first, *(name for name in like.columns if name not in first)]
    positions = selection.positions(names)
    types = [*whole.types, *[pa.string()] * (len(names) - len(first))]
    wanted = pa.schema([(names[at], types[at]) for at in positions])
    yield Chunk(wanted.empty_table(), np.zeros(0, dtype=np.bool_), fraction=0, remarks=spaced(whole.names))
    for piece in pieces:
        part = piece.partition
        with _opened(part) as file:
            present = file.schema_arrow.names
            places = _places(stripped(present), like=like, names=first)
            in_file = [at for at in positions if at < len(first) and places[at] is not None]
            asked = None if selection.columns is None else [present[places[at]] for at in in_file]
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
        if isinstance(part.path, StorePath) and (refused := store_errors.known(part.path, error)):
            raise refused from error
        raise ValueError(f"{part.relative}: {plain_text.first_line(error)}") from error


def pieces(path: Table, rows: int) -> list[Piece]:
    """Divide a file, or the files of a folder, into parts of consecutive row groups, of at most `rows` rows if it can.

    Raises:
        ValueError: a file is not Parquet, or the parts of a folder have different columns.
    """
    found: list[Piece] = []
    files = _files(path)
    like = next((file.like for file in files if file.like), files[0].partition)
    with _opened(like) as opened:
        names = stripped(opened.schema_arrow.names)
    for file in files:
        with _opened(file.partition) as opened:
            metadata = opened.metadata
            _places(stripped(opened.schema_arrow.names), like=like, names=names)
        groups: list[int] = []
        counted = 0
        for number in range(metadata.num_row_groups):
            more = metadata.row_group(number).num_rows
            if groups and counted + more > rows:
                found.append(Piece(file.partition, counted, tuple(groups), file.like))
                groups, counted = [], 0
            groups.append(number)
            counted += more
        if counted:
            found.append(Piece(file.partition, counted, tuple(groups), file.like))
    return found


def _files(path: Table) -> list[Piece]:
    parts = partitions.find(path) if path.is_dir() else [Partition(path)]
    rows, names = zip(*map(_rows_and_names, parts), strict=True)
    whole = next((at for at, more in enumerate(names) if archive_columns.lacks(names[0], more)), 0)
    like = [parts[whole] if archive_columns.lacks(own, names[whole]) else None for own in names]
    return [Piece(part, count, like=more) for part, count, more in zip(parts, rows, like, strict=True)]


def _rows_and_names(part: Partition) -> tuple[int, list[str]]:
    with _opened(part) as file:
        return int(file.metadata.num_rows), stripped(file.schema_arrow.names)


def _places(present: Sequence[str], *, like: Partition, names: Sequence[str]) -> Sequence[int | None]:
    """Return the position of each column in a file; None where an older export lacks it."""
    if list(present) == list(names):
        return range(len(names))
    if not archive_columns.lacks(present, names):
        raise ValueError(f"it has other columns than {like.relative}")
    return [present.index(name) if name in present else None for name in names]


def _table(wanted: pa.Schema, columns: Sequence[pa.Array | None], part: Partition, rows: int) -> pa.Table:
    arrays = []
    for column, made in zip(columns, wanted, strict=True):
        value = pa.scalar(part.columns.get(made.name), made.type) if column is None else None
        arrays.append(pa.repeat(value, rows) if column is None else column.cast(made.type))
    return pa.table(arrays, schema=wanted)
