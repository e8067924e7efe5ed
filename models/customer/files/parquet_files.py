"""Reads Parquet files in chunks, or a folder of them as Spark writes it; columns keep their types.

Columns that are names of folders, such as `year=2026`, are text. A column of that name in the files comes first.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models import plain_text
from models.customer.files import partitions
from models.customer.files.chunk import Chunk, Selection, spaced, stripped
from models.customer.files.partitions import Partition

_READ_BYTES = 1 << 20


def chunks(path: Path, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows.

    Raises:
        ValueError: a file is not Parquet, or the parts of a folder have different columns.
    """
    parts = partitions.find(path) if path.is_dir() else [Partition(path)]
    of_rows = sum(_rows(part, path) for part in parts)
    first = stripped(pq.read_schema(parts[0].path).names)
    names = [*first, *(name for name in parts[0].columns if name not in first)]
    positions = selection.positions(names)
    wanted: pa.Schema | None = None
    for part in parts:
        # Without these options pyarrow reads ahead and keeps the read data in memory: in the end, the whole file.
        with _naming(part, path), pq.ParquetFile(part.path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
            present = file.schema_arrow.remove_metadata()  # pandas' metadata describes an index
            if stripped(present.names) != first:
                raise ValueError(f"it has other columns than {parts[0].path.name}")
            if wanted is None:
                types = [*present.types, *[pa.string()] * (len(names) - len(first))]
                wanted = pa.schema([(names[at], types[at]) for at in positions])
                empty = np.zeros(0, dtype=np.bool_)
                yield Chunk(wanted.empty_table(), empty, fraction=0, spaced=spaced(present.names))
            in_file = [at for at in positions if at < len(first)]
            asked = None if selection.columns is None else [present.names[at] for at in in_file]
            for batch in file.iter_batches(selection.rows, columns=asked):
                columns = batch.columns if asked is None else batch.select(asked).columns
                read = dict(zip(in_file, columns, strict=True))
                table = _table(wanted, [read.get(at) for at in positions], part, len(batch))
                yield Chunk(table, np.zeros(len(table), dtype=np.bool_), fraction=len(table) / of_rows)


def _rows(part: Partition, table: Path) -> int:
    with _naming(part, table):
        return int(pq.read_metadata(part.path).num_rows)


@contextmanager
def _naming(part: Partition, table: Path) -> Iterator[None]:
    """Say in which file of a folder a problem is."""
    try:
        yield
    except (OSError, ValueError) as error:
        if part.path == table or isinstance(error, PermissionError):
            raise
        raise ValueError(f"{part.path.relative_to(table)}: {plain_text.first_line(error)}") from error


def _table(wanted: pa.Schema, columns: Sequence[pa.Array | None], part: Partition, rows: int) -> pa.Table:
    arrays = []
    for column, made in zip(columns, wanted, strict=True):
        value = pa.scalar(part.columns.get(made.name), pa.string()) if column is None else None
        arrays.append(pa.repeat(value, rows) if column is None else column.cast(made.type))
    return pa.table(arrays, schema=wanted)
