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
from models.log.log_tables import PREDICTIONS, TRAFFIC, TREATMENTS
from models.log.partitions import catalogue, locking, sets, strays, upkeep
from models.log.partitions.catalogue import BEFORE, PartitionSet, key
from models.log.partitions.weeks import Week
from models.progress import Progress
from monitoring.archive import archiving
from monitoring.archive.archiving import Archived
from monitoring.runs import run_store
from monitoring.settings import PruneSettings

CHUNK_ROWS, PAUSE_SECONDS = 5_000, 0.05
"""Rows deleted per transaction, and the pause after it, in which others can write."""
MOST_MOVED_ROWS = 1_000_000
"""Most rows in the default partitions with which a week is moved out of them, while those who write there wait."""
COUNTED_DAYS = 6
"""Age of PostgreSQL's counts of the log's values at which they are made anew."""
_COUNTED = sa.text(
    "SELECT count(*) FROM pg_stat_all_tables WHERE schemaname = current_schema() AND relname IN :names "
    "AND last_analyze > now() - make_interval(days => :days)"
).bindparams(sa.bindparam("names", [table.name for table in catalogue.TABLES], expanding=True))

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
        LogNotPartitioned: all that is old was removed, but weeks lack their partitions, and this user cannot make them.
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
        unpartitioned = _keep_partitions(engine, now)
        archived: list[Archived] | None = None
        if settings.export:
            before = Week.of(before).start
            archived = archiving.export(engine, settings.export, before, chunk_rows=CHUNK_ROWS)
            rows = sum(one.predictions for one in archived)
            exported = f"exported {rows:,} predictions to {len(archived):,} files in {settings.export}; "
        found = _remove(engine, before, archived)
        placed = _place_strays(engine, now)
        _analyze(engine)
    dropped = f"dropped {found.partitions:,} partitions; " if found.partitions else ""
    dropped += f"moved the rows of {placed:,} weeks to partitions of their own; " if placed else ""
    summary = (
        f"{runs}{exported}{dropped}deleted {found.predictions:,} predictions, with their outcomes, and "
        f"{found.counts:,} counts of requests from before {before:%Y-%m-%d %H:%M} UTC"
    )
    if unpartitioned is not None:
        logger.info("%s", summary)
        raise unpartitioned
    return summary


def _keep_partitions(engine: Engine, now: datetime) -> LogNotPartitioned | None:
    """Make missing partitions; return what hinders it, so that old rows are removed all the same."""
    try:
        upkeep.keep(engine, now)
    except LogNotPartitioned as error:
        return error
    return None


def _place_strays(engine: Engine, now: datetime) -> int:
    """Move what is left in the default partitions to partitions that a later run can drop."""
    try:
        return strays.place(engine, now, most_rows=MOST_MOVED_ROWS)
    except LogNotPartitioned as error:
        logger.warning("%s", error)
        return 0


def _analyze(engine: Engine) -> None:
    """Count the values of partitioned tables as a whole: PostgreSQL does it by itself only for each partition.

    It reads a sample of every partition, which takes minutes in a large log, so it is done once a week.
    """
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if catalogue.state(connection) != "partitioned":
            return
        if connection.scalar(_COUNTED, {"days": COUNTED_DAYS}) != len(catalogue.TABLES):
            connection.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in catalogue.TABLES)}")


def _remove(engine: Engine, before: datetime, archived: Sequence[Archived] | None) -> _Removed:
    """Drop the partitions of weeks that are wholly old, and delete what is old in others.

    Where old rows are exported, only predictions of the weeks in `archived` are removed.
    """
    found, bound = _Removed(), row_ids.first_id(before)
    with engine.connect() as connection:
        partitions = catalogue.partition_sets(connection)
    old = [one for one in partitions if one.end_id <= bound and one.is_owned]
    for one in old:
        inside = None if archived is None else [week for week in archived if catalogue.covers([one], week.week.ids[0])]
        found += locking.briefly(engine, partial(_drop, old=one, archived=inside))
    # A week that is old in part is dropped later, as a whole; rows from before are many weeks.
    begun = [one.first_id for one in partitions if one.first_id < bound < one.end_id and one.suffix != BEFORE]
    end = min([bound, *begun])
    if archived is None:
        predictions = delete(engine, PREDICTIONS, end)  # the database deletes their outcomes too
    else:
        left = [week for week in archived if not catalogue.covers(old, week.week.ids[0])]
        predictions = sum(_delete_exported(engine, week) for week in left)
    oldest = _oldest_prediction(engine)  # treatments are not partitioned, and leave with their predictions
    delete(engine, TREATMENTS, bound if oldest is None else min(bound, oldest))
    return found + _Removed(predictions, delete(engine, TRAFFIC, end))


def _oldest_prediction(engine: Engine) -> str | None:
    with engine.connect() as connection:
        oldest: str | None = connection.scalar(sa.select(sa.func.min(PREDICTIONS.c.prediction_id)))
    return oldest


def _drop(connection: Connection, old: PartitionSet, archived: Sequence[Archived] | None) -> _Removed:
    predictions, counts = (
        connection.scalar(sa.select(sa.func.count()).select_from(sa.table(old.table(table)))) or 0
        for table in (PREDICTIONS, TRAFFIC)
    )
    locking.lock_tables(connection)
    if archived is not None:
        archiving.require_unchanged(connection, archived, (old.first_id, old.end_id))
    sets.drop(connection, old)
    return _Removed(predictions, counts, partitions=1)


def _delete_exported(engine: Engine, week: Archived) -> int:
    """Delete the predictions of an exported week, and return their number."""
    with Progress() as progress:
        progress.stage(f"deleting the predictions of the week from {week.week.start:%Y-%m-%d} on")
        for chunk in week.chunks:
            locking.again(engine, partial(archiving.delete, week=week.week, chunk=chunk))
            progress.step(chunk.rows[0])
            time.sleep(PAUSE_SECONDS)
    with engine.connect() as connection:
        archiving.require_deleted(connection, week.week)
    return week.predictions


def delete(engine: Engine, table: sa.Table, end: str) -> int:
    """Delete the rows of a table whose ids are below `end`, and return their number.

    Raises:
        SQLAlchemyError: the database cannot be reached, or refuses the statement.
    """
    identity, first, deleted = key(table), "", 0
    with Progress() as progress:
        progress.stage(f"deleting old {table.name}")
        while True:
            old = sa.select(identity.label("id")).where(identity >= first, identity < end).order_by(identity)
            with engine.begin() as connection:
                last = connection.scalar(sa.select(sa.func.max(old.limit(CHUNK_ROWS).subquery().c.id)))
                if last is None:
                    return deleted
                rows = connection.execute(sa.delete(table).where(identity.between(first, last))).rowcount
            first, deleted = last, deleted + rows
            progress.step(rows)
            time.sleep(PAUSE_SECONDS)
