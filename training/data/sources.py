"""Reads the source table: the synthetic population, a file, or the result of a database query."""

import errno
from pathlib import Path

import pandas as pd
import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from models.addresses import redact_passwords
from models.customer import tables
from models.customer.contract import Contract, Vector
from models.customer.errors import TableUnreadable
from training.data import synthetic
from training.errors import SourceUnreadable
from training.settings import FitSettings


def read(settings: FitSettings, contract: Contract) -> tuple[pd.DataFrame, Vector | None]:
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
        return _read_sql(source, settings.query), None
    return _read_file(Path(source)), None


def name(settings: FitSettings) -> str:
    """Return the name of the source, without a password."""
    if settings.base_kind == "synthetic":
        return f"synthetic(rows={settings.rows}, seed={settings.seed})"
    return redact_passwords(settings.base or "")


def _read_file(path: Path) -> pd.DataFrame:
    try:
        rows: pd.DataFrame = tables.read(path).to_pandas()
    except TableUnreadable as error:
        raise SourceUnreadable(source=str(path), problem=error.problem) from error
    return rows


def _read_sql(address: str, query: str | None) -> pd.DataFrame:
    try:
        return _query(address, query)
    except (OSError, ValueError, SQLAlchemyError, ImportError) as error:
        raise SourceUnreadable(source=address, problem=_first_line(error)) from error


def _query(address: str, query: str | None) -> pd.DataFrame:
    if query is None:
        raise ValueError("a database URL needs --query")
    url = sqlalchemy.make_url(address)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise FileNotFoundError(errno.ENOENT, "No such file")  # SQLite would create an empty database
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return pd.read_sql_query(sqlalchemy.text(query), connection)
    finally:
        engine.dispose()


def _first_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(text).splitlines()[0]
