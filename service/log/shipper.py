"""The shipper, `python -m service.log.shipper`: moves pages from the spool to the log's database, oldest first.

It is a process of its own, so that database drivers and slow databases take no time from requests, and several workers
share one writer. The service starts it and holds its standard input. When that closes, it ships the remaining pages and
ends. A page is removed after the database has stored it, and existing rows are skipped, so each row arrives once, even
after a crash.
"""

import errno
import gc
import logging
import logging.config
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends it to all; the shipper ends after the service
    os.nice(10)  # requests have priority, also over this process's imports

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from models.errors import ModelsError
from models.log import log_tables, migrations
from models.log.errors import LogMissing, LogNotPartitioned
from models.log.partitions import upkeep
from service import json_logging
from service.log import page_format, page_insertion
from service.log.page_insertion import PageInsertion
from service.log.spool import Spool
from service.settings import Settings

logger = logging.getLogger("service.log.shipper")
LOOK_SECONDS, RETRY_SECONDS, LAST_SECONDS, TIDY_SECONDS, UPKEEP_SECONDS = 0.5, 1.0, 2.0, 60.0, 3600.0
"""Pause between two checks of the spool, pause after a failure, time for the remaining pages when the service has
ended, pause between two removals of unfinished pages, and between two looks at the partitions of the log."""
_UPKEEP_TRIES = 3
_CHECKPOINT_ROWS = 2_000
"""Rows after which SQLite copies them from its write-ahead log into the table's file: 2 ms of work on the core of the
requests. At its own limit, four times as much, it would work for 14 ms at once."""
_FOR_NOW = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN}
"""Errors of this process or machine and not of the page that it reads."""


class Shipper:
    """Moves pages from one spool to one database. No page keeps others from the database."""

    def __init__(self, pages: Spool, url: str) -> None:
        self._spool, self._url = pages, url
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._early: set[Path] = set()  # refer to rows that may still come
        self._failed: set[Path] = set()  # the database failed at them; they come after all others
        self._settled: dict[Path, str] = {}  # cannot be removed, or set aside for a reason
        self._waits = ""
        self._problem = ""
        self._upkeep_at = 0.0
        self._logged_rows = 0  # in SQLite's write-ahead log

    def ship(self, until: float = float("inf")) -> bool:
        """Ship the pages in the spool, until a time of the monotonic clock; return whether the database took them."""
        self._waits = ""
        try:
            connection = self._open()
            self._keep_partitions(connection.engine)
            for page in self._ordered():
                if time.monotonic() > until:
                    break
                self._ship(page, connection)
        except (SQLAlchemyError, ModelsError, OSError) as error:
            return self._give_up(page_insertion.explain(error))
        except Exception as error:  # on any error, the next round tries again
            logger.exception("the shipper of the prediction log failed")
            return self._give_up(page_insertion.explain(error))
        self._explain(self._waits)
        return True

    def close(self) -> None:
        """Close the database; the next call opens it again and upgrades its tables."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):  # the database may be gone
                connection.close()
            connection.engine.dispose()

    def _open(self) -> Connection:
        """Return the one connection, which stays open: SQLite copies its write-ahead log when the last one closes."""
        if self._connection is not None and self._file == _identify(self._connection.engine):
            return self._connection
        self.close()  # the file was removed, or replaced by another
        engine = log_tables.connect(self._url, create=True)
        self._upkeep_at = 0.0  # it may be another database
        if migrations.upgrade(engine):
            logger.info("the prediction log's tables were upgraded")
        self._connection, self._file = engine.connect(), _identify(engine)
        return self._connection

    def _keep_partitions(self, engine: Engine) -> None:
        """Make the partitions of the coming weeks; without them, rows are stored in the default partitions."""
        if time.monotonic() < self._upkeep_at:
            return
        self._upkeep_at = time.monotonic() + UPKEEP_SECONDS
        try:
            upkeep.keep(engine, datetime.now(UTC), tries=_UPKEEP_TRIES)
        except (SQLAlchemyError, LogNotPartitioned) as error:
            logger.error("%s", page_insertion.explain(error))  # noqa: TRY400  # the sentence names the remedy

    def _ordered(self) -> list[Path]:
        pages = self._spool.pages()
        present = set(pages)
        self._early &= present
        self._failed &= present
        self._settled = {page: reason for page, reason in self._settled.items() if page in present}
        return sorted(pages, key=self._failed.__contains__)

    def _ship(self, page: Path, connection: Connection) -> None:
        if page in self._settled:
            self._settle(page, self._settled[page])
            return
        insertion = PageInsertion(page, connection)
        # A listing of a folder that changes may have a page without the earlier page that it refers to.
        is_final = page in self._early and not self._waits and self._failed <= {page}
        try:
            insertion.run(is_final=is_final)
        except FileNotFoundError:
            return  # another service that shares the folder was faster
        except IntegrityError:
            self._early.add(page)
        except SQLAlchemyError:
            self._failed.add(page)
            raise
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one page, the others are shipped
            if isinstance(error, MemoryError) or getattr(error, "errno", None) in _FOR_NOW:
                self._waits = f"{page.name} cannot be read: {_sentence(error)}"
                return
            self._settle(page, f"The page cannot be read: {_sentence(error)}.")
        else:
            self._require_same_file(connection)
            self._settle(page, insertion.fault)
            self._copy_rows(connection, insertion.stored)

    def _copy_rows(self, connection: Connection, stored: int) -> None:
        """Let SQLite copy the rows of its write-ahead log after some pages, with pauses before and after it."""
        time.sleep(page_format.PAUSE_SECONDS)
        self._logged_rows += stored
        if self._logged_rows >= _CHECKPOINT_ROWS and connection.dialect.name == "sqlite":
            self._logged_rows = 0
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            connection.rollback()
            time.sleep(page_format.PAUSE_SECONDS)

    def _require_same_file(self, connection: Connection) -> None:
        """Raise if the SQLite file was removed or replaced, because the rows went with it."""
        if self._file != _identify(connection.engine):
            raise LogMissing(path=Path(connection.engine.url.database or ""))

    def _settle(self, page: Path, reason: str) -> None:
        """Remove a page whose rows are stored, or set it aside for a reason."""
        try:
            if reason:
                rejected = self._spool.reject(page, reason)
                logger.error("%s was set aside as %s: %s", page.name, rejected.name, "; ".join(reason.split("\n")[:2]))
            else:
                self._spool.remove(page)
        except FileNotFoundError:
            pass  # another service that shares the folder was faster
        except OSError as error:
            self._settled[page] = reason
            self._waits = f"pages cannot be removed from {self._spool.name}: {_sentence(error)}"
            return
        self._settled.pop(page, None)

    def _give_up(self, problem: str) -> bool:
        self.close()
        self._explain(problem)
        return False

    def _explain(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        with suppress(OSError):  # a disk that is full may be the problem
            self._spool.explain(problem)
        if problem:
            logger.error("predictions wait on disk: %s", problem)
        else:
            logger.info("the database stores predictions again")


def main() -> None:
    """Ship until standard input ends."""
    settings = Settings()
    logging.config.dictConfig(json_logging.config())
    pages = Spool(settings.spool)
    shipper, end = Shipper(pages, settings.log_url), threading.Event()
    gc.freeze()  # the libraries, which would be scanned again for every few pages
    threading.Thread(target=_wait_for_end, args=(end,), daemon=True).start()
    tidy_at = 0.0
    while not end.is_set():
        began = time.monotonic()
        if began >= tidy_at:
            tidy_at = began + TIDY_SECONDS
            with suppress(OSError):  # shipping reports it
                pages.remove_stale()
        pause = LOOK_SECONDS if shipper.ship() else max(RETRY_SECONDS, min(10, 20 * (time.monotonic() - began)))
        end.wait(pause)
    shipper.ship(until=time.monotonic() + LAST_SECONDS)
    shipper.close()


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
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


if __name__ == "__main__":
    main()
