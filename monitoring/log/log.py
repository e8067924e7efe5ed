"""The prediction log as the jobs open it: what the database raises becomes a reason why a job cannot tell."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from models.log import log_tables
from monitoring.errors import LogUnreadable
from monitoring.period import Period


def within(ids: Column[str], period: Period) -> sa.ColumnElement[bool]:
    """Hold for the rows of a period, whose ids begin with their time."""
    first, after = period.ids
    return (ids >= first) & (ids < after)


@contextmanager
def connection(url: str) -> Iterator[Connection]:
    """Open a log for reading, and close it.

    Raises:
        LogUnsupported, LogMissing: no log can be or is there.
        LogUnreadable: it does not answer, or has not our tables.
    """
    with engine(url) as opened, opened.connect() as connected:
        yield connected


@contextmanager
def engine(url: str, *, create: bool = False) -> Iterator[Engine]:
    """Open a log, and close it; only `create` makes a SQLite file that is not there.

    Raises:
        LogUnsupported, LogMissing: no log can be or is there.
        LogUnreadable: it does not answer, or refuses what is asked of it.
    """
    opened = log_tables.connect(url, create=create)
    try:
        yield opened
    except SQLAlchemyError as error:
        problem = str(getattr(error, "orig", error)).splitlines()[0].rstrip(".")
        raise LogUnreadable(url=opened.url.render_as_string(hide_password=True), problem=problem) from error
    finally:
        opened.dispose()
