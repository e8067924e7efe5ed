"""Reads the rows that a query selects from a database. The query goes to the database as it is."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import sqlalchemy
from sqlalchemy import URL, Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, ResourceClosedError, SQLAlchemyError

from models import plain_text
from models.addresses import redact_passwords
from training.errors import SourceUnreadable

_DRIVERS = {
    "awsathena": "PyAthena[SQLAlchemy]",
    "bigquery": "sqlalchemy-bigquery",
    "clickhouse": "clickhouse-sqlalchemy",
    "databricks": "databricks-sqlalchemy",
    "duckdb": "duckdb-engine",
    "mariadb": "pymysql",
    "mssql": "pyodbc",
    "mysql": "pymysql",
    "oracle": "oracledb",
    "redshift": "sqlalchemy-redshift",
    "snowflake": "snowflake-sqlalchemy",
    "trino": "trino[sqlalchemy]",
}
"""Package with a driver of each kind of database."""
_QUERY, _ADDRESS = "Correct --query.", "Correct the address, or start the database."
_NOTATION = "Write it as postgresql://user@host/database or sqlite:///file.db."
_NAMED = re.compile(r"no such (?:table|column|function): (\S+)|near \"([^\"]+)\"")


def read(address: str, query: str | None) -> pd.DataFrame:
    """Read the selected rows.

    Raises:
        SourceUnreadable: the address names no database, its driver is missing, or it does not run the query.
    """
    query = require_query(address, query)
    with connected(address, query) as connection:
        return pd.read_sql_query(query, connection)


def require_query(address: str, query: str | None) -> str:
    """Return the query.

    Raises:
        SourceUnreadable: there is none.
    """
    if query is None:
        raise SourceUnreadable(source=address, problem="a database URL needs --query")
    return query


@contextmanager
def connected(address: str, query: str) -> Iterator[Connection]:
    """Connect to a database, to which statements go as they are; `query` is what errors are told of.

    Raises:
        SourceUnreadable: the address names no database, its driver is missing, or it does not run a statement.
    """
    try:
        engine = sqlalchemy.create_engine(_url(address))
    except NoSuchModuleError as error:
        raise _without_driver(address) from error
    except ImportError as error:
        raise _without_driver(address, module=error.name) from error
    except (ArgumentError, ValueError) as error:  # ValueError: the port is not a number
        problem = plain_text.first_line(error)
        raise SourceUnreadable(source=address, problem=problem, remedy=_NOTATION) from error
    except OSError as error:
        problem = plain_text.first_line(error.strerror or error)
        raise SourceUnreadable(source=address, problem=problem, remedy="Name an existing file.") from error
    try:
        # Without this option, drivers take a % of the query for a parameter.
        with engine.connect().execution_options(no_parameters=True) as connection:
            yield connection
    except (ValueError, SQLAlchemyError) as error:
        raise _refused(address, query, error) from error
    finally:
        engine.dispose()


def name(address: str) -> str:
    """Return the name of an SQLite file without its folder; of another database, the URL without a password."""
    url = sqlalchemy.make_url(address)
    return _file(url).name if url.get_backend_name() == "sqlite" else redact_passwords(address)


def _url(address: str) -> URL:
    url = sqlalchemy.make_url(address)
    if url.drivername in ("postgres", "postgresql"):  # the first is what many hosts of databases give
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and not _file(url).is_file():
        raise FileNotFoundError(errno.ENOENT, "No such file")  # SQLite would create an empty database
    return url


def _file(url: URL) -> Path:
    """Return the file of an SQLite database, also of a URI such as file:rows.db?mode=ro&uri=true."""
    database = url.database or ""
    if not database.startswith("file:"):
        return Path(database)
    path = unquote(database.removeprefix("file:"))
    return Path(re.sub("^//(localhost)?(?=/)", "", path))


def _without_driver(address: str, *, module: str | None = None) -> SourceUnreadable:
    kind, _, driver = address.partition("://")[0].partition("+")
    package = driver or _DRIVERS.get(kind)
    if package is None:
        return SourceUnreadable(source=address, problem=f"{kind} is no kind of database that SQLAlchemy knows")
    remedy = f"Install one with `.venv/bin/pip install {package}`"
    if not driver and module:  # SQLAlchemy looks for another driver, unless the address names one
        remedy += f", and begin the address with {kind}+{package}://"
    return SourceUnreadable(source=address, problem=f"a driver for {kind} is not installed", remedy=f"{remedy}.")


def _refused(address: str, query: str, error: Exception) -> SourceUnreadable:
    if isinstance(error, ResourceClosedError):
        return SourceUnreadable(source=address, problem="the query returns no rows", remedy="Give a SELECT.")
    if not isinstance(error, DBAPIError) or error.statement is None:  # it did not come to the query
        return SourceUnreadable(source=address, problem=plain_text.first_line(error), remedy=_ADDRESS)
    said = plain_text.first_line(error.orig)
    if number := _line(query, said, error.orig):
        text = query.split("\n")[number - 1].strip()
        said = f"{said}, in line {number} of the query: {plain_text.one_line(text)}"
    return SourceUnreadable(source=address, problem=said, remedy=_QUERY)


def _line(query: str, said: str, cause: object) -> int | None:
    """Return the line of the query that a database complains about, counted from 1; None if it does not say."""
    position = getattr(getattr(cause, "diag", None), "statement_position", None)  # PostgreSQL's, from 1
    if position is not None:
        return query.count("\n", 0, int(position) - 1) + 1
    if named := _NAMED.search(said):  # SQLite's
        word = (named[1] or named[2]).rpartition(".")[2]
        places = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", query, re.IGNORECASE)]
        lines = {query.count("\n", 0, place) + 1 for place in places}
        return lines.pop() if len(lines) == 1 else None
    return None
