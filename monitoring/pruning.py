"""Deletes old rows from the prediction log in small transactions, so that others can write in between; and old runs.

Ids begin with the time, so old rows are adjacent. The database reuses the freed space; a SQLite file does not shrink.
"""

import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Column, Engine

from models import durations
from models.log import connections, row_ids
from models.log.log_tables import PREDICTIONS, TRAFFIC
from models.progress import Progress
from monitoring.runs import run_store
from monitoring.settings import PruneSettings

CHUNK_ROWS, PAUSE_SECONDS = 5_000, 0.05
"""Rows deleted per transaction, and the pause after it, in which others can write."""


def run(settings: PruneSettings) -> str:
    """Delete old runs, then old rows, and return the summary; runs go first, so that no error of the log stops that.

    Raises:
        LogUnsupported, LogMissing, LogUnreadable: there is no log, or its database does not answer.
        OSError: the folder of the runs cannot be written to.
    """
    now, runs = datetime.now(UTC), ""
    if settings.keep_runs:
        removed = run_store.remove_before(settings.output_dir, now - durations.parse(settings.keep_runs))
        runs = f"removed {removed:,} runs; "
    before = now - timedelta(days=settings.keep_days)
    with connections.engine(settings.log_url) as engine:
        predictions = prune(engine, PREDICTIONS.c.prediction_id, before)  # the database deletes their outcomes too
        counts = prune(engine, TRAFFIC.c.traffic_id, before)
    return (
        f"{runs}deleted {predictions:,} predictions, with their outcomes, and {counts:,} counts of requests "
        f"from before {before:%Y-%m-%d %H:%M} UTC"
    )


def prune(engine: Engine, ids: Column[str], before: datetime) -> int:
    """Delete the rows of a table whose `models.log.row_ids` are older than `before`, and return their number.

    Raises:
        SQLAlchemyError: the database cannot be reached, or refuses the statement.
    """
    old = sa.select(ids).where(ids < row_ids.first_id(before))
    deletion = sa.delete(ids.table).where(ids.in_(old.order_by(ids).limit(CHUNK_ROWS)))
    deleted = 0
    with Progress() as progress:
        progress.stage(f"deleting old {ids.table.name}")
        while True:
            with engine.begin() as connection:
                rows = connection.execute(deletion).rowcount
            deleted += rows
            progress.step(rows)
            if rows < CHUNK_ROWS:
                return deleted
            time.sleep(PAUSE_SECONDS)
