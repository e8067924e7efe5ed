"""Exports the old weeks of the log, each to a file, and says what of the log the files have.

A file is compared with the log after it was written. One that is there already is left alone if it has all rows that
the log still has: an earlier run wrote it, and was ended while it deleted them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from models.customer.contract import Contract
from models.features import CONTRACT
from models.log import row_ids
from models.log.log_tables import OUTCOMES, PREDICTIONS
from models.log.partitions.catalogue import key
from models.log.partitions.weeks import Week
from models.progress import Progress
from monitoring.archive import archive_files, logged_rows
from monitoring.errors import ArchiveUnusable, LogChanged


@dataclass(frozen=True)
class Archived:
    """A week whose rows are all in a file."""

    week: Week
    predictions: int
    """Rows that the log had when they were compared."""
    outcomes: int


def export(engine: Engine, folder: Path, before: datetime, contract: Contract = CONTRACT) -> list[Archived]:
    """Export all weeks before the start of a week, and return them; the log is not changed.

    Raises:
        ArchiveUnusable: a file cannot be written, or one is there that has other rows.
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
    """
    found = []
    with engine.connect() as connection, Progress() as progress:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        for week in _weeks(connection, before):
            path = archive_files.path_of(folder, week)
            progress.stage(f"exporting {path.name}")
            _export(connection, path, week, contract)
            found.append(_count(connection, week))
            progress.step(found[-1].predictions)
    return found


def require_unchanged(connection: Connection, archived: Iterable[Archived]) -> None:
    """Check that the log has the rows of the files and no others, before they are deleted.

    Raises:
        LogChanged: an outcome or a prediction came meanwhile.
    """
    for one in archived:
        if _count(connection, one.week) != one:
            raise LogChanged(week=f"{one.week.start:%Y-%m-%d}")


def _export(connection: Connection, path: Path, week: Week, contract: Contract) -> None:
    columns, identity = logged_rows.schema(contract), logged_rows.id_column(contract)

    def compare() -> archive_files.Differences:
        return archive_files.compare(path, columns, logged_rows.tables(connection, week, contract), key=identity)

    if path.exists():
        found = compare()
        if found.has_all:
            return
        if found.only_in_file:
            raise ArchiveUnusable(
                path=path,
                problem=f"{found.only_in_file:,} of its rows are not in the log, "
                f"{found.only_in_log:,} rows of the log are not in it, and {found.changed:,} rows differ",
                remedy="Move it to another folder, and run the command again",
            )
    archive_files.write(path, columns, logged_rows.tables(connection, week, contract))
    if compare() != archive_files.Differences():
        raise ArchiveUnusable(
            path=path,
            problem="it differs from the log after it was written",
            remedy="Check the disk",
        )


def _weeks(connection: Connection, before: datetime) -> Iterator[Week]:
    """Yield the weeks that have predictions."""
    ids, end, first = PREDICTIONS.c.prediction_id, row_ids.first_id(before), ""
    while (oldest := connection.scalar(sa.select(sa.func.min(ids)).where(ids >= first, ids < end))) is not None:
        week = Week.of_id(oldest)
        yield week
        first = week.ids[1]


def _count(connection: Connection, week: Week) -> Archived:
    first, end = week.ids
    counts = [
        connection.scalar(sa.select(sa.func.count()).where(key(table) >= first, key(table) < end)) or 0
        for table in (PREDICTIONS, OUTCOMES)
    ]
    return Archived(week, *counts)
