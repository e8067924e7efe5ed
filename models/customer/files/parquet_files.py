"""Reads Parquet files in chunks, or a folder of them as Spark writes it; columns keep their types."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.customer.files.chunk import Chunk, Selection, spaced, stripped

_READ_BYTES = 1 << 20


def chunks(path: Path, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows.

    Raises:
        ValueError: a file is not Parquet, or the parts of a folder have different columns.
    """
    parts = _parts(path) if path.is_dir() else [path]
    of_rows = sum(pq.read_metadata(part).num_rows for part in parts)
    first = stripped(pq.read_schema(parts[0]).names)
    positions = selection.positions(first)
    wanted: pa.Schema | None = None
    for part in parts:
        # Without these options pyarrow reads ahead and keeps the read data in memory: in the end, the whole file.
        with pq.ParquetFile(part, pre_buffer=False, buffer_size=_READ_BYTES) as file:
            present = file.schema_arrow.remove_metadata()  # pandas' metadata describes an index
            if stripped(present.names) != first:
                raise ValueError(f"{part.name} has other columns than {parts[0].name}")
            if wanted is None:
                wanted = pa.schema([present.field(at).with_name(first[at]) for at in positions])
                empty = np.zeros(0, dtype=np.bool_)
                yield Chunk(wanted.empty_table(), empty, fraction=0, spaced=spaced(present.names))
            names = selection.columns and [present.names[at] for at in positions]
            for batch in file.iter_batches(selection.rows, columns=names):
                columns = batch.select(names).columns if names else batch.columns
                arrays = [column.cast(wanted.field(at).type) for at, column in enumerate(columns)]
                table = pa.table(arrays, schema=wanted)
                yield Chunk(table, np.zeros(len(table), dtype=np.bool_), fraction=len(table) / of_rows)


def _parts(folder: Path) -> list[Path]:
    parts = sorted(path for path in folder.glob("*.parquet") if not path.name.startswith((".", "_")))
    if partition := next((path.name for path in folder.glob("*=*") if path.is_dir()), None):
        raise ValueError(f"its rows are partitioned into folders such as {partition}; write it without partitions")
    if not parts:
        raise ValueError("it is a folder without .parquet files")
    return parts
