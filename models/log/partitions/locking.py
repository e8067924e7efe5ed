"""Runs changes of tables in transactions that wait only briefly for their locks, and tries them again.

A statement that waits for a table keeps out all that come after it, so it must not wait long.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from models.log.log_tables import OUTCOMES, PREDICTIONS, TREATMENTS
from models.log.partitions.catalogue import TABLES

LOCK = 7_026_401
"""Id of the advisory lock of all who change tables; any number that no other program of the same database uses."""
LOCK_SECONDS, PAUSE_SECONDS, TRIES = 2, 2.0, 30
"""Longest wait for a lock, pause until the next try, and number of tries: a job that reads may take two minutes."""
WAIT_SECONDS = 60
"""Longest wait for another process that upgrades or partitions the tables."""
LOCK_TIMEOUT, _DEADLOCK = "55P03", "40P01"
Result = TypeVar("Result")


def briefly(engine: Engine, change: Callable[[Connection], Result], *, tries: int = TRIES) -> Result:
    """Run a change of the tables in one transaction, as their owner.

    Raises:
        SQLAlchemyError: the database rejects it, or others hold the tables all the time.
    """

    def as_owner(connection: Connection) -> Result:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        _become_owner(connection)
        return change(connection)

    return again(engine, as_owner, tries=tries)


def again(engine: Engine, change: Callable[[Connection], Result], *, tries: int = TRIES) -> Result:
    """Run a change in one transaction, and once more if it waited too long for a lock.

    Raises:
        SQLAlchemyError: the database rejects it, or others hold the tables all the time.
    """
    while True:
        tries -= 1
        try:
            with engine.begin() as connection:
                return change(connection)
        except OperationalError as error:
            if not tries or getattr(error.orig, "sqlstate", None) not in (LOCK_TIMEOUT, _DEADLOCK):
                raise
        time.sleep(PAUSE_SECONDS)


class Busy(Exception):
    """Another process changes the tables."""


def claim(connection: Connection) -> None:
    """Let no one else change the tables until the end of the transaction.

    A lock of the session would stay behind on a connection that PgBouncer gives to others.

    Raises:
        Busy: another process does it already.
    """
    if not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
        raise Busy


def lock_tables(connection: Connection) -> None:
    """Lock the tables against readers and writers, without their partitions."""
    names = ", ".join(f"ONLY {table.name}" for table in TABLES)
    connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")


def keep_out_writers(connection: Connection) -> None:
    """Let no one else write predictions or reports until the end of the transaction; it needs the right to delete."""
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    names = ", ".join(f"ONLY {table.name}" for table in (PREDICTIONS, OUTCOMES, TREATMENTS))
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def _become_owner(connection: Connection) -> None:
    """Let a superuser make tables that belong to the owner of the log."""
    found = f"SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('{TABLES[0].name}')"  # noqa: S608  # a fixed name
    owner = connection.exec_driver_sql(found).scalar()
    if owner and owner != connection.exec_driver_sql("SELECT current_user").scalar():
        quoted = connection.dialect.identifier_preparer.quote_identifier(owner)
        connection.exec_driver_sql(f"SET LOCAL ROLE {quoted}")
