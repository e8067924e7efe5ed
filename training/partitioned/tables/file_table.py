"""A table of files: a part is some row groups of a Parquet file, or a file of text."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pandas as pd

from models.customer import tables
from models.customer.files.csv_format import CsvFormat
from models.customer.files.partitions import Piece
from models.customer.files.stores import Table
from training.data import sources


@dataclass(frozen=True)
class FileTable:
    """A file or folder, also in an object store."""

    path: Table
    unchanging = "Fit a copy, or fit when nothing writes to it."

    @property
    def name(self) -> str:
        """Its name without the folder."""
        return self.path.name

    def columns(self, style: CsvFormat) -> list[str]:
        """Return the names of its columns."""
        names: list[str] = tables.schema(self.path, style).names
        return names

    def parts(self, rows: int) -> list[Piece]:
        """Divide it into parts of about so many rows; only Parquet has several."""
        return tables.pieces(self.path, rows=rows)

    def chunks(self, part: Piece, columns: Sequence[str], style: CsvFormat) -> Iterator[pd.DataFrame]:
        """Yield the rows of a part, a chunk at a time."""
        read = tables.chunks(self.path, columns=columns, used=columns, style=style, piece=part)
        for chunk in tables.reject_misfits(self.path, read):
            yield chunk.table.to_pandas()

    def reading(self) -> AbstractContextManager[None]:
        """Convert the errors of reading it."""
        return sources.reading(self.path)
