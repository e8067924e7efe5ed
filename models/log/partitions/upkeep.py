"""Makes the partitions of the coming weeks. The service, `prune` and `migrate` do it; mostly it is only a look."""

import logging
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from models.log.errors import LogNotPartitioned
from models.log.partitions import catalogue, conversion, locking, sets
from models.log.partitions.weeks import Week

WEEKS_AHEAD = 4
"""Weeks, after this one, whose partitions are made; all who make them may be away so long."""
NEEDED_WEEKS = 1
"""Weeks, after this one, whose partitions must be there, or a person has to know."""
REMEDY = "Run `python -m monitoring migrate` as the user of the database who owns the tables"
NO_RIGHT = "42501"

logger = logging.getLogger(__name__)


def keep(engine: Engine, now: datetime, *, tries: int = locking.TRIES) -> bool:
    """Partition the tables, and make what partitions are missing; return whether anything was changed.

    `tries` limits the wait for others who read the tables. Nothing is done on SQLite, or while another process does it.

    Raises:
        LogNotPartitioned: the tables are not partitioned, or lack a week, and this user cannot help it.
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
    """
    with engine.connect() as connection:
        found, missing = catalogue.state(connection), _missing(connection, now)
        if engine.dialect.name != "postgresql" or found == "missing" or (found == "partitioned" and not missing):
            return False
    try:
        return _change(engine, now, tries)
    except locking.Busy:
        logger.info("another process changes the tables of the prediction log")
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != NO_RIGHT:
            raise
        with engine.connect() as connection:
            _require(connection, now)
    return False


def _change(engine: Engine, now: datetime, tries: int) -> bool:
    with engine.connect() as connection:
        is_whole = catalogue.state(connection) == "whole"
    if is_whole:
        conversion.convert(engine, now, tries=tries)
    with engine.connect() as connection:
        missing = _missing(connection, now)
    for week in missing:
        locking.briefly(engine, partial(_create, week=week, now=now), tries=tries)
    return is_whole or bool(missing)


def _create(connection: Connection, week: Week, now: datetime) -> None:
    locking.claim(connection)
    if week in _missing(connection, now):
        sets.create_week(connection, week)


def _missing(connection: Connection, now: datetime) -> list[Week]:
    found, this = catalogue.partition_sets(connection), Week.of(now)
    weeks = (this.later(number) for number in range(WEEKS_AHEAD + 1))
    return [week for week in weeks if not catalogue.covers(found, week.ids[0])]


def _require(connection: Connection, now: datetime) -> None:
    """Raise if a person has to make partitions."""
    if catalogue.state(connection) != "partitioned":
        raise LogNotPartitioned(problem="this user of the database does not own them", remedy=REMEDY)
    needed = Week.of(now).later(NEEDED_WEEKS)
    lacking = [week.name for week in _missing(connection, now) if week <= needed]
    if lacking:
        problem = f"the weeks of {', '.join(lacking)} have no partition, and their rows go to the default partitions"
        raise LogNotPartitioned(problem=problem, remedy=REMEDY)
