"""The shipper, `python -m service.log.shipper`: moves pages from the spool to the log's database, oldest first.

It is a process of its own, so that database drivers and slow databases take no time from requests, and several workers
share one writer. The service starts it and holds its standard input. When that closes, it ships the remaining pages and
ends. A page is removed after the database has stored it, and existing rows are skipped, so each row arrives once, even
after a crash.
"""

import logging
import logging.config
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends it to all; the shipper ends after the service
    os.nice(10)  # requests have priority, also over this process's imports

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from models.errors import ModelsError
from models.log import log_tables, migrations
from service import json_logging
from service.log import spool
from service.log.spool import Spool
from service.settings import Settings

logger = logging.getLogger("service.log.shipper")
LOOK_SECONDS, RETRY_SECONDS, LAST_SECONDS = 0.5, 1.0, 2.0
"""Pause between two checks of the spool, pause after a failure, and time for the remaining pages when the service has
ended."""


class Shipper:
    """Moves pages from one spool to one database."""

    def __init__(self, pages: Spool, url: str) -> None:
        self._spool, self._url = pages, url
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._unreadable: set[Path] = set()
        self._early: set[Path] = set()
        self._problem = ""

    def ship(self, until: float = float("inf")) -> bool:
        """Ship the pages in the spool, until a time of the monotonic clock; return whether the database took them."""
        try:
            connection = self._open()
            for page in self._spool.pages():
                if time.monotonic() > until:
                    break
                self._ship(page, connection)
        except (SQLAlchemyError, ModelsError, OSError) as error:
            self.close()
            self._explain(_sentence(error))
            return False
        self._explain("")
        return True

    def close(self) -> None:
        """Close the database; the next call opens it again and upgrades its tables."""
        if self._connection is not None:
            self._connection.close()
            self._connection.engine.dispose()
            self._connection = None

    def _open(self) -> Connection:
        """Return the one connection, which stays open: SQLite copies its write-ahead log when the last one closes."""
        if self._connection is not None and self._file == _identify(self._connection.engine):
            return self._connection
        self.close()  # the file was removed, or replaced by another
        engine = log_tables.connect(self._url, create=True)
        if migrations.upgrade(engine):
            logger.info("the prediction log's tables were upgraded")
        self._connection, self._file = engine.connect(), _identify(engine)
        return self._connection

    def _ship(self, page: Path, connection: Connection) -> None:
        try:
            rows = spool.read(page)
        except FileNotFoundError:
            return  # another service that shares the folder was faster
        except OSError as error:
            if page not in self._unreadable:
                self._unreadable.add(page)
                logger.error("%s cannot be read: %s", page.name, error.strerror)  # noqa: TRY400  # no traceback
            return
        try:
            _insert(rows, log_tables.METADATA.tables[spool.table_of(page)], connection)
        except (DataError, IntegrityError, KeyError, ValueError) as error:
            if isinstance(error, IntegrityError) and page not in self._early:
                # A listing of a folder that changes may have a page without the earlier page that it refers to.
                self._early.add(page)
                return
            logger.error("the database cannot take %s: %s", page.name, _sentence(error))  # noqa: TRY400  # no traceback
            self._spool.reject(page)
        else:
            self._early.discard(page)
            page.unlink(missing_ok=True)

    def _explain(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            with suppress(OSError):  # a disk that is full may be the problem
                self._spool.explain(problem)
            if problem:
                logger.error("predictions wait on disk, because the database cannot store them: %s", problem)
            else:
                logger.info("the database stores predictions again")


def main() -> None:
    """Ship until standard input ends."""
    settings = Settings()
    logging.config.dictConfig(json_logging.config())
    pages = Spool(settings.spool)
    pages.remove_stale()
    shipper, end = Shipper(pages, settings.log_url), threading.Event()
    threading.Thread(target=_wait_for_end, args=(end,), daemon=True).start()
    while not end.is_set():
        began = time.monotonic()
        pause = LOOK_SECONDS if shipper.ship() else max(RETRY_SECONDS, min(10, 20 * (time.monotonic() - began)))
        end.wait(pause)
    shipper.ship(until=time.monotonic() + LAST_SECONDS)
    shipper.close()


def _insert(rows: list[tuple[str | None, ...]], table: Table, connection: Connection) -> None:
    if {len(row) for row in rows} != {len(table.columns)}:
        raise ValueError("its rows were written by another version of this service")
    with connection.begin():
        connection.exec_driver_sql(log_tables.insertion(table, connection.dialect), rows)


def _identify(engine: Engine) -> tuple[int, int] | None:
    """Identify a SQLite file by device and inode; None for a server, or if there is no file."""
    file = Path(engine.url.database or "")
    if engine.dialect.name != "sqlite" or not file.exists():
        return None
    return file.stat().st_dev, file.stat().st_ino


def _wait_for_end(end: threading.Event) -> None:
    sys.stdin.buffer.read()
    end.set()


def _sentence(error: Exception) -> str:
    """Return the first line of an error, without the SQL statement and its values."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    main()
