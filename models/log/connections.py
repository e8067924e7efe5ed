"""Opens the prediction log for jobs, and converts database errors into one error with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from models import plain_text
from models.log import log_tables
from models.log.errors import LogUnreadable


@contextmanager
def connection(url: str) -> Iterator[Connection]:
    """Open a log for reading, and close it.

    Raises:
        LogUnsupported, LogMissing: the URL is not that of an existing log.
        LogUnreadable: the database does not answer, or lacks the log's tables.
    """
    with engine(url) as opened, opened.connect() as connected:
        yield connected


@contextmanager
def engine(url: str, *, create: bool = False) -> Iterator[Engine]:
    """Open a log, and close it; `create` creates a missing SQLite file.

    Raises:
        LogUnsupported, LogMissing: the URL is not that of an existing log.
        LogUnreadable: the database does not answer, or rejects a statement.
    """
    opened = log_tables.connect(url, create=create)
    try:
        yield opened
    except SQLAlchemyError as error:
        problem = plain_text.first_line(getattr(error, "orig", error)).rstrip(".")
        raise LogUnreadable(url=url, problem=problem) from error
    finally:
        opened.dispose()
