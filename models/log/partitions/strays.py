"""Rows of weeks that have no partition: how many there are, and moving them to partitions of their own.

They are in the default partitions, which cannot be dropped. They are found by ranges of ids between the partitions, so
who reads the tables may count them without a right to a partition.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from models.log import row_ids
from models.log.errors import LogNotPartitioned
from models.log.partitions import catalogue, locking, sets
from models.log.partitions.catalogue import TABLES, PartitionSet, key
from models.log.partitions.conversion import MOST_AHEAD
from models.log.partitions.upkeep import NO_RIGHT, REMEDY, WEEKS_AHEAD
from models.log.partitions.weeks import Week

_EARLIEST, _ABOVE_ALL = row_ids.first_id(datetime(1970, 1, 5, tzinfo=UTC)), "g"
"""The lowest id of the first whole week that ids can tell, and a text above all hexadecimal digits."""
_COUNTED = 1_000_000
"""Most rows of a range that are counted."""
_TOO_MANY = (
    "more than %s rows are in the default partitions, and each week that is moved locks and reads all of them. "
    "Move them with `python -m monitoring migrate` when few rows are written"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """Whether the rows of a partitioned log are where they can be dropped."""

    partition_weeks: int
    """Weeks in a row, from this one on, that have partitions; 0 if the tables are not partitioned."""
    default_rows: int
    """Rows of all tables in the default partitions; of many, at least a million."""


def health(connection: Connection, now: datetime) -> Health | None:
    """Return the health of a log; None on SQLite, or if there are no tables.

    Raises:
        SQLAlchemyError: the database cannot be reached, or this user may not read the tables.
    """
    found = catalogue.state(connection)
    if connection.dialect.name != "postgresql" or found == "missing":
        return None
    if found == "whole":
        return Health(0, 0)
    partitions = catalogue.partition_sets(connection)
    weeks = 0
    while weeks <= WEEKS_AHEAD and catalogue.covers(partitions, Week.of(now).later(weeks).ids[0]):
        weeks += 1
    return Health(weeks, _count(connection, partitions, _COUNTED))


def place(engine: Engine, now: datetime, *, most_rows: int | None = None) -> int:
    """Move rows in the default partitions to new partitions of their weeks, and return the number of weeks.

    Each week is one transaction, in which those who read or write the default partitions wait; all others go on. It
    lasts as long as PostgreSQL reads the default partitions, so that with more than `most_rows` rows in all of them
    nothing is moved, with a warning. Rows of more than a year ahead stay where they are.

    Raises:
        LogNotPartitioned: this user of the database may not make partitions.
        SQLAlchemyError: the database cannot be reached, or others hold the tables all the time.
    """
    if most_rows is not None and _has_more(engine, most_rows):
        logger.warning(_TOO_MANY, f"{most_rows:,}")
        return 0
    placed, after, end = 0, _EARLIEST, row_ids.first_id(now + MOST_AHEAD)
    while (week := _first_week(engine, after, end)) is not None:
        after = week.ids[1]
        try:
            locking.briefly(engine, partial(_create, week=week))
        except locking.Busy:
            logger.info("another process changes the tables of the prediction log")
            break
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) != NO_RIGHT:
                raise
            problem = f"rows of the week of {week.name} are in the default partitions"
            raise LogNotPartitioned(problem=problem, remedy=REMEDY) from error
        placed += 1
    return placed


def _create(connection: Connection, week: Week) -> None:
    locking.claim(connection)
    if not catalogue.covers(catalogue.partition_sets(connection), week.ids[0]):
        sets.create_week(connection, week)


def _first_week(engine: Engine, after: str, end: str) -> Week | None:
    """Return the first week of rows in the default partitions, in a range of ids."""
    with engine.connect() as connection:
        if catalogue.state(connection) != "partitioned":
            return None
        for low, high in _gaps(catalogue.partition_sets(connection)):
            inside = max(low, after), min(high, end)
            ids = [connection.scalar(_inside(table, inside, sa.func.min(key(table)))) for table in TABLES]
            if known := [one for one in ids if one]:
                return Week.of_id(min(known))
    return None


def _has_more(engine: Engine, most: int) -> bool:
    with engine.connect() as connection:
        if catalogue.state(connection) != "partitioned":
            return False
        return _count(connection, catalogue.partition_sets(connection), most + 1) > most


def _count(connection: Connection, partitions: list[PartitionSet], most: int) -> int:
    """Return the number of rows in the default partitions; in each table and range, `most` are counted."""
    ranges = [_inside(table, gap, key(table)).limit(most).subquery() for table in TABLES for gap in _gaps(partitions)]
    return sum(connection.scalar(sa.select(sa.func.count()).select_from(rows)) or 0 for rows in ranges)


def _inside(table: sa.Table, ids: tuple[str, str], selected: sa.ColumnElement[str]) -> sa.Select[str]:
    return sa.select(selected).where(key(table) >= ids[0], key(table) < ids[1])


def _gaps(partitions: list[PartitionSet]) -> Iterator[tuple[str, str]]:
    """Yield the ranges of ids between the partitions, before the first one, and after the last one."""
    first = ""
    for one in partitions:
        if first < one.first_id:
            yield first, one.first_id
        first = one.end_id
    yield first, _ABOVE_ALL
