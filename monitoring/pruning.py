"""Removes old rows from the prediction log, and old runs on request.

In PostgreSQL, the partitions of a week are dropped when the whole week is old. Other rows are deleted in small
transactions, so that others can write in between; they are adjacent, because ids begin with the time. The database
reuses the freed space; a SQLite file does not shrink.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from models import durations
from models.log import connections, row_ids
from models.log.errors import LogNotPartitioned
from models.log.log_tables import PREDICTIONS, TRAFFIC
from models.log.partitions import catalogue, locking, sets, upkeep
from models.log.partitions.catalogue import BEFORE, DEFAULT, PartitionSet, key, partition_name
from models.log.partitions.weeks import Week
from models.progress import Progress
from monitoring.archive import archiving
from monitoring.archive.archiving import Archived
from monitoring.runs import run_store
from monitoring.settings import PruneSettings

CHUNK_ROWS, PAUSE_SECONDS = 5_000, 0.05
"""Rows deleted per transaction, and the pause after it, in which others can write."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Removed:
    predictions: int = 0
    counts: int = 0
    partitions: int = 0
    """Sets of partitions that were dropped."""

    def __add__(self, other: "_Removed") -> "_Removed":
        return _Removed(
            self.predictions + other.predictions, self.counts + other.counts, self.partitions + other.partitions
        )


def run(settings: PruneSettings) -> str:
    """Remove old runs, then old rows, and return the summary; runs go first, so that no error of the log stops that.

    Raises:
        LogUnsupported, LogMissing, LogUnreadable: there is no log, or its database does not answer.
        ArchiveUnusable, LogChanged: old rows cannot be exported, so they are not deleted.
        OSError: the folder of the runs cannot be written to.
    """
    now, runs = datetime.now(UTC), ""
    if settings.keep_runs:
        removed = run_store.remove_before(settings.output_dir, now - durations.parse(settings.keep_runs))
        runs = f"removed {removed:,} runs; "
    before = now - timedelta(days=settings.keep_days)
    exported = ""
    with connections.engine(settings.log_url) as engine:
        _keep_partitions(engine, now)
        archived: list[Archived] = []
        if settings.export:
            before = Week.of(before).start
            archived = archiving.export(engine, settings.export, before)
            rows = sum(one.predictions for one in archived)
            exported = f"exported {rows:,} predictions to {len(archived):,} files in {settings.export}; "
        found = _remove(engine, before, archived)
        _analyze(engine)
    dropped = f"dropped {found.partitions:,} partitions; " if found.partitions else ""
    return (
        f"{runs}{exported}{dropped}deleted {found.predictions:,} predictions, with their outcomes, and "
        f"{found.counts:,} counts of requests from before {before:%Y-%m-%d %H:%M} UTC"
    )


def _keep_partitions(engine: Engine, now: datetime) -> None:
    try:
        upkeep.keep(engine, now)
    except LogNotPartitioned as error:
        logger.warning("%s", error)


def _analyze(engine: Engine) -> None:
    """Count the values of partitioned tables as a whole: PostgreSQL does it by itself only for each partition."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if catalogue.state(connection) == "partitioned":
            connection.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in catalogue.TABLES)}")


def _remove(engine: Engine, before: datetime, archived: Sequence[Archived]) -> _Removed:
    """Drop the partitions of weeks that are wholly old, and delete what is old in others."""
    found, bound = _Removed(), row_ids.first_id(before)
    with engine.connect() as connection:
        is_partitioned = catalogue.state(connection) == "partitioned"
        partitions = catalogue.partition_sets(connection)
    old = [one for one in partitions if one.end_id <= bound and one.is_owned]
    for one in old:
        inside = [week for week in archived if one.first_id <= week.week.ids[0] < one.end_id]
        found += locking.briefly(engine, partial(_drop, old=one, archived=inside))
        archived = [week for week in archived if week not in inside]
    with engine.connect() as connection:
        archiving.require_unchanged(connection, archived)
    by_row = [one.suffix for one in partitions if one not in old and (one.suffix == BEFORE or one.end_id <= bound)]
    for suffix in [*by_row, DEFAULT] if is_partitioned else [None]:
        predictions = delete(engine, PREDICTIONS, before, suffix)  # the database deletes their outcomes too
        found += _Removed(predictions, delete(engine, TRAFFIC, before, suffix))
    return found


def _drop(connection: Connection, old: PartitionSet, archived: Sequence[Archived]) -> _Removed:
    predictions, counts = (
        connection.scalar(sa.select(sa.func.count()).select_from(sa.table(old.table(table)))) or 0
        for table in (PREDICTIONS, TRAFFIC)
    )
    locking.lock_tables(connection)
    archiving.require_unchanged(connection, archived)
    sets.drop(connection, old)
    return _Removed(predictions, counts, partitions=1)


def delete(engine: Engine, table: sa.Table, before: datetime, suffix: str | None = None) -> int:
    """Delete the rows of a table, or of one of its partitions, that are older than `before`; return their number.

    Raises:
        SQLAlchemyError: the database cannot be reached, or refuses the statement.
    """
    name = table.name if suffix is None else partition_name(table, suffix)
    rows_of = sa.table(name, sa.column(key(table).name))
    ids = rows_of.c[key(table).name]
    old = sa.select(ids).where(ids < row_ids.first_id(before))
    deletion = sa.delete(rows_of).where(ids.in_(old.order_by(ids).limit(CHUNK_ROWS)))
    deleted = 0
    with Progress() as progress:
        progress.stage(f"deleting old {name}")
        while True:
            with engine.begin() as connection:
                rows = connection.execute(deletion).rowcount
            deleted += rows
            progress.step(rows)
            if rows < CHUNK_ROWS:
                return deleted
            time.sleep(PAUSE_SECONDS)
