"""What a fit in parts asks of a table, wherever its rows are."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pandas as pd

from models.customer.files.csv_format import CsvFormat


class Part(Protocol):
    """Rows that can be read without the others."""

    @property
    def rows(self) -> int | None:
        """About how many there are; None if only reading tells."""
        ...


class SourceTable(Protocol):
    """A table; it is copied to each process that reads it."""

    @property
    def name(self) -> str:
        """What it is called where it may be shown to others."""
        ...

    @property
    def unchanging(self) -> str:
        """How to keep its rows as they are during a fit, as a sentence."""
        ...

    def columns(self, style: CsvFormat) -> list[str]:
        """Return the names of its columns."""
        ...

    def parts(self, rows: int) -> Sequence[Part]:
        """Divide it into parts of about so many rows."""
        ...

    def chunks(self, part: Any, columns: Sequence[str], style: CsvFormat) -> Iterator[pd.DataFrame]:
        """Yield the rows of a part, a chunk at a time."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """Convert the errors of reading it."""
        ...
