"""Reads the source table: the synthetic population, a file, or the result of a database query."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pandas as pd
from pydantic_core import PydanticCustomError

from models.columns.column_mapping import ColumnMapping
from models.customer import tables
from models.customer.contract import Contract, Vector
from models.customer.errors import TableMissing, TableUnreadable
from models.customer.files import stores
from models.customer.files.csv_format import CsvFormat
from models.customer.files.stores import Table
from training.data import databases, synthetic
from training.errors import SourceUnreadable
from training.settings import FitSettings


def read(settings: FitSettings, contract: Contract, mapping: ColumnMapping) -> tuple[pd.DataFrame, Vector | None]:
    """Read a table unchanged, and the true probabilities, (n,) in (0, 1); None except for the synthetic population.

    Raises:
        SourceUnreadable: the source is missing or cannot be read.
    """
    source = settings.base or ""
    if settings.base_kind == "synthetic":
        table, true_probability = synthetic.sample(settings.rows, seed=settings.seed)
        if not set(contract.names) <= set(table.columns):
            raise SourceUnreadable(source="synthetic", problem="it has only the fields of the shipped contract")
        return table, true_probability
    if settings.base_kind == "database":
        return databases.read(source, settings.query), None
    old = [name for feature in contract.features for name in feature.formerly]
    asked = [*old, *settings.slices, *filter(None, (settings.time_column, settings.group_column))]
    return _read_file(locate(source), [*mapping.source_columns(contract), *asked], mapping.csv), None


def require_fitting_options(settings: FitSettings) -> None:
    """Check that options of a database are given only with one; a query would be kept as where the rows came from.

    Raises:
        SourceUnreadable: they are not.
    """
    given = {"--query selects from": settings.query, "--partition-column is a column of": settings.partition_column}
    wrong = [option for option, value in given.items() if value and settings.base_kind != "database"]
    if wrong:
        raise SourceUnreadable(source=settings.data, problem=f"{wrong[0]} a database, and this is none")


def locate(source: str) -> Table:
    """Return the path or the address of a file or folder.

    Raises:
        SourceUnreadable: the address cannot be used; the error does not show it, because it may hold a password.
    """
    try:
        found: Table = stores.locate(source)
    except PydanticCustomError as error:
        raise SourceUnreadable(source=f"{source.partition('://')[0]}://", problem=error.message()) from error
    return found


def name(settings: FitSettings) -> str:
    """Return the name of the source: of a file its name without the folder, of a database its URL without a password.

    The card is shown to others, and the same file in another folder makes the same model. MLflow keeps the path.
    """
    base = settings.base or ""
    if settings.base_kind == "synthetic":
        return f"synthetic(rows={settings.rows}, seed={settings.seed})"
    return databases.name(base) if settings.base_kind == "database" else str(locate(base).name)


def _read_file(path: Table, used: Collection[str], style: CsvFormat) -> pd.DataFrame:
    with reading(path):
        rows: pd.DataFrame = tables.read(path, used=used, style=style).to_pandas()
    return rows


@contextmanager
def reading(path: Table) -> Iterator[None]:
    """Convert the errors of reading a file.

    Raises:
        SourceUnreadable: the source is missing or cannot be read.
    """
    try:
        yield
    except TableUnreadable as error:
        is_usual = isinstance(error, TableMissing) or error.remedy == tables.REMEDY
        remedy = None if is_usual else error.remedy
        raise SourceUnreadable(source=str(path), problem=error.problem, remedy=remedy) from error
