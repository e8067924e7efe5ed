"""Opens the prediction log for the jobs. What the database raises becomes one error with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from models.log import log_tables
from models.log.errors import LogUnreadable


@contextmanager
def connection(url: str) -> Iterator[Connection]:
    """Open a log for reading, and close it.

    Raises:
        LogUnsupported, LogMissing: the URL names no log.
        LogUnreadable: the log does not answer, or lacks our tables.
    """
    with engine(url) as opened, opened.connect() as connected:
        yield connected


@contextmanager
def engine(url: str, *, create: bool = False) -> Iterator[Engine]:
    """Open a log, and close it; `create` makes a SQLite file that does not exist.

    Raises:
        LogUnsupported, LogMissing: the URL names no log.
        LogUnreadable: the log does not answer, or refuses a statement.
    """
    opened = log_tables.connect(url, create=create)
    try:
        yield opened
    except SQLAlchemyError as error:
        problem = str(getattr(error, "orig", error)).splitlines()[0].rstrip(".")
        raise LogUnreadable(url=url, problem=problem) from error
    finally:
        opened.dispose()
