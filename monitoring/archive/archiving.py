"""Exports the old weeks of the log, each to a file, and says what of the log the files have.

A file is compared with the log after it was written. One that is there already is left alone if it has all rows that
the log still has: an earlier run wrote it, and was ended while it deleted them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from models.customer.contract import Contract
from models.features import CONTRACT
from models.log import row_ids
from models.log.log_tables import OUTCOMES, PREDICTIONS, TREATMENTS
from models.log.partitions import locking
from models.log.partitions.catalogue import key
from models.log.partitions.weeks import Week
from models.progress import Progress
from monitoring.archive import archive_files, logged_rows
from monitoring.archive.logged_rows import BATCH_ROWS
from monitoring.errors import ArchiveUnusable, LogChanged

Rows = tuple[int, int, int]
"""Numbers of predictions, of outcomes and of treatments."""


@dataclass(frozen=True)
class Chunk:
    """Adjacent predictions, from one id to another, and the numbers of rows that the log had of them."""

    first: str
    last: str
    rows: Rows


@dataclass(frozen=True)
class Archived:
    """A week whose rows are all in a file; its numbers are those of the moment at which file and log were compared."""

    week: Week
    chunks: tuple[Chunk, ...]

    @property
    def predictions(self) -> int:
        """Number of predictions."""
        return self.rows[0]

    @property
    def rows(self) -> Rows:
        """Number of rows of each table."""
        predictions, outcomes, treatments = (sum(chunk.rows[table] for chunk in self.chunks) for table in range(3))
        return predictions, outcomes, treatments


def export(
    engine: Engine, folder: Path, before: datetime, contract: Contract = CONTRACT, *, chunk_rows: int = BATCH_ROWS
) -> list[Archived]:
    """Export all weeks before the start of a week, and return them in chunks of predictions; the log is not changed.

    Raises:
        ArchiveUnusable: a file cannot be written, or one is there that has other rows.
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
    """
    found = []
    with engine.connect() as connection:
        weeks = list(_weeks(connection, "", row_ids.first_id(before)))
    with Progress() as progress:
        for week in weeks:
            path = archive_files.path_of(folder, week)
            progress.stage(f"exporting {path.name}")
            with _snapshot(engine) as connection:
                _export(connection, path, week, contract)
                found.append(Archived(week, tuple(_chunks(connection, week, chunk_rows))))
            progress.step(found[-1].predictions)
    return found


def require_unchanged(connection: Connection, archived: Sequence[Archived], ids: tuple[str, str]) -> None:
    """Check that from one id to another, the log has the rows of the files and no others.

    It holds until the end of the transaction only if others cannot write.

    Raises:
        LogChanged: an outcome, a treatment or a prediction came meanwhile.
    """
    known = {one.week: one.rows for one in archived}
    found = {week: _rows(connection, *week.ids) for week in _weeks(connection, *ids)}
    if changed := [week for week in known | found if known.get(week) != found.get(week)]:
        raise _changed(min(changed))


def delete(connection: Connection, week: Week, chunk: Chunk) -> None:
    """Delete a chunk of an exported week.

    Raises:
        LogChanged: an outcome, a treatment or a prediction of the chunk came since the export.
    """
    locking.keep_out_writers(connection)
    end = _after(chunk.last)
    if _rows(connection, chunk.first, end) != chunk.rows:
        raise _changed(week)
    for table in (TREATMENTS, PREDICTIONS):
        identity = table.c.prediction_id
        connection.execute(sa.delete(table).where(identity >= chunk.first, identity < end))


def require_deleted(connection: Connection, week: Week) -> None:
    """Check that nothing is left of a week whose chunks were deleted.

    Raises:
        LogChanged: a prediction came since the export; it stays.
    """
    if any(_weeks(connection, *week.ids)):
        raise _changed(week)


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Read the log as it is at one moment."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        else:
            connection.exec_driver_sql("BEGIN")
        yield connection


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


def _weeks(connection: Connection, first: str, end: str) -> Iterator[Week]:
    """Yield the weeks that have predictions, from one id to another."""
    ids = PREDICTIONS.c.prediction_id
    while (oldest := connection.scalar(sa.select(sa.func.min(ids)).where(ids >= first, ids < end))) is not None:
        week = Week.of_id(oldest)
        yield week
        first = week.ids[1]


def _chunks(connection: Connection, week: Week, rows: int) -> Iterator[Chunk]:
    """Divide the predictions of a week into chunks of so many; each row is counted once."""
    first, end = week.ids
    identity = PREDICTIONS.c.prediction_id
    while True:
        oldest = sa.select(identity).where(identity >= first, identity < end).order_by(identity).limit(rows).subquery()
        last = connection.scalar(sa.select(sa.func.max(oldest.c.prediction_id)))
        if last is None:
            return
        after = _after(last)
        yield Chunk(first, last, _rows(connection, first, after))
        first = after


def _after(identity: str) -> str:
    """Return a text above an id and below all later ones: all have 32 digits."""
    return f"{identity}0"


def _rows(connection: Connection, first: str, end: str) -> Rows:
    """Count the rows of each table from one id to another."""
    predictions, outcomes, treatments = (
        connection.scalar(sa.select(sa.func.count()).where(key(table) >= first, key(table) < end)) or 0
        for table in (PREDICTIONS, OUTCOMES, TREATMENTS)
    )
    return predictions, outcomes, treatments


def _changed(week: Week) -> LogChanged:
    return LogChanged(week=f"{week.start:%Y-%m-%d}")
