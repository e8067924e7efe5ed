"""Opens the table that a contract is drafted from: a file, or the result of a database query."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from models.columns import toml_files
from models.columns.errors import MappingInvalid
from models.columns.origins import Target
from models.customer import tables
from models.customer.files import stores
from models.customer.files.csv_format import CsvFormat
from models.customer.files.stores import Table
from models.errors import first_problem
from training.contracts import draft_style
from training.contracts.errors import NothingDrafted
from training.contracts.settings import DraftSettings
from training.data import databases, sources
from training.errors import SourceUnreadable


class Declared(BaseModel):
    """What a columns file says of a table before there is a contract."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    target: Target | None = None
    never_features: list[str] = Field(default_factory=list)
    csv: CsvFormat = CsvFormat()


@dataclass(frozen=True)
class Source:
    """An open table."""

    name: str
    style: CsvFormat
    first: pa.Table
    """The first rows, at most 50,000; what needs several columns at once is found in them."""
    others: Iterator[pa.Table]

    @property
    def parts(self) -> Iterator[pa.Table]:
        """All rows, once."""
        return chain([self.first], self.others)


def declared(path: Path | None) -> Declared:
    """Read a columns file, whatever contract it is for.

    Raises:
        MappingInvalid: it cannot be read.
    """
    if path is None:
        return Declared()
    try:
        return Declared.model_validate(toml_files.read(path))
    except OSError as error:
        raise MappingInvalid(path=str(path), problem=error.strerror or "cannot be read") from error
    except ValueError as error:
        raise MappingInvalid(path=str(path), problem=first_problem(error)) from error


def is_database(settings: DraftSettings) -> bool:
    """Tell whether the table is the result of a query."""
    return "://" in settings.data and not stores.is_address(settings.data)


def opened(settings: DraftSettings, style: CsvFormat) -> Source:
    """Open the table, and find how it is written.

    Raises:
        SourceUnreadable, TableError: it cannot be read.
        NothingDrafted: it has no rows.
    """
    if is_database(settings):
        name, parts = databases.name(settings.data), iter([_table(databases.read(settings.data, settings.query))])
    else:
        if settings.query:
            raise SourceUnreadable(source=settings.data, problem="--query selects from a database, and this is none")
        path = sources.locate(settings.data)
        style = draft_style.of_file(path, style)
        name, parts = path.name, _of_file(path, style)
    first = next(parts, None)
    if first is None or not len(first):
        raise NothingDrafted(source=name, problem="it has no rows")
    texts = (column.drop_null().to_pylist() for column in first.columns if pa.types.is_string(column.type))
    return Source(name, draft_style.with_numbers(style, texts), first, parts)


def _of_file(path: Table, style: CsvFormat) -> Iterator[pa.Table]:
    tables.schema(path, style)  # says what is odd about the file
    for part in tables.reject_misfits(path, tables.chunks(path, style=style)):
        yield part.table


def _table(rows: pd.DataFrame) -> pa.Table:
    arrays = [_array(rows.iloc[:, at]) for at in range(rows.shape[1])]
    return pa.table(arrays, names=[str(name) for name in rows.columns])


def _array(column: pd.Series) -> pa.Array:
    try:
        return pa.Array.from_pandas(column)
    except pa.ArrowException:  # SQLite may have numbers and texts in one column
        return pa.array([None if pd.isna(cell) else str(cell) for cell in column.tolist()], pa.string())
