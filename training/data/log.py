"""The prediction log as training opens it: what the database raises becomes an error that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from models.log import log_tables
from training.addresses import shown
from training.data.live_errors import LogUnreadable
from training.errors import cause


@contextmanager
def connection(url: str) -> Iterator[Connection]:
    """Open a log for reading, and close it.

    Raises:
        LogUnsupported, LogMissing: no log can be or is there.
        LogUnreadable: it does not answer, or has not our tables.
    """
    opened = log_tables.connect(url)
    try:
        with opened.connect() as connected:
            yield connected
    except SQLAlchemyError as error:
        raise LogUnreadable(url=shown(url), problem=cause(error).rstrip(".")) from error
    finally:
        opened.dispose()
