"""What the prediction log holds of a period: how much, and a sample of its rows.

The sample is found in one pass over the ids, in its own memory.
"""

import logging
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from models.log import opening
from models.log.log_tables import PREDICTIONS, TRAFFIC
from monitoring.log import sampling
from monitoring.period import Period

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Traffic:
    """What became of the requests of a period."""

    answered_requests: int
    refused_requests: int
    """With 422."""
    dropped_rows: int
    """Predictions that were made but are not in the log."""


@dataclass(frozen=True)
class Window:
    """What was found."""

    rows: int
    """In the log."""
    sample: list[sa.Row[Any]]
    """At most as many as were asked for: features, model_version, churn_probability."""
    traffic: Traffic


def read(url: str, period: Period, *, rows: int) -> Window:
    """Count a period's predictions and draw at most so many; a second for each two million predictions.

    Raises:
        LogUnsupported, LogMissing: no log can be or is there.
        LogUnreadable: it does not answer, or has not our tables.
    """
    with opening.connection(url) as opened:
        found = opened.scalar(sa.select(sa.func.count()).where(within(PREDICTIONS.c.prediction_id, period))) or 0
        logger.info("reading %s rows of the log, at most %s of them whole", f"{found:,}", f"{rows:,}")
        return Window(found, list(opened.execute(_sample(period, rows, found))), _traffic(opened, period))


def within(ids: sa.Column[str], period: Period) -> sa.ColumnElement[bool]:
    """Hold for the rows of a period, whose ids begin with their time."""
    first, after = period.ids
    return (ids >= first) & (ids < after)


def _sample(period: Period, rows: int, of_rows: int) -> sa.Select[Any]:
    chosen = PREDICTIONS.c.features, PREDICTIONS.c.model_version, PREDICTIONS.c.churn_probability
    ids = PREDICTIONS.c.prediction_id
    few = sampling.likely(ids, rows=rows + 10 * rows**0.5, of_rows=of_rows)  # to sort; hardly ever one too few
    return sa.select(*chosen).where(within(ids, period), few).order_by(sampling.chance(ids)).limit(rows)


def _traffic(opened: sa.Connection, period: Period) -> Traffic:
    columns = TRAFFIC.c.answered_requests, TRAFFIC.c.refused_requests, TRAFFIC.c.dropped_rows
    sums = sa.select(*(sa.func.coalesce(sa.func.sum(column), 0) for column in columns))
    return Traffic(*map(int, opened.execute(sums.where(within(TRAFFIC.c.traffic_id, period))).one()))
