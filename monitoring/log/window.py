"""Reads a period of the prediction log: the number of rows, a random sample of customers, and the counts of requests.

A customer counts once, with the newest prediction. The sample needs only its own memory.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from models.log import connections, customers
from models.log.log_tables import PREDICTIONS, TRAFFIC
from monitoring.log import sampling
from monitoring.period import Period

logger = logging.getLogger(__name__)
NAMED_FIELDS = 5
"""Most fields that a sentence about refusals names."""


@dataclass(frozen=True)
class Traffic:
    """Counts of the requests of a period."""

    answered_requests: int
    refused_requests: int
    """Requests refused with 422."""
    dropped_rows: int
    """Predictions that were made but are missing from the log."""
    refused_fields: Mapping[str, int]
    """Number of broken rules by field; `other` is what the contract does not have."""

    @property
    def refused_share(self) -> float | None:
        """Share of the requests that were refused; None if there was no request."""
        requests = self.answered_requests + self.refused_requests
        return self.refused_requests / requests if requests else None

    @property
    def refused_field_shares(self) -> dict[str, float]:
        """Each field's share of the broken rules, largest first."""
        rules = sum(self.refused_fields.values())
        return {name: count / rules for name, count in Counter(self.refused_fields).most_common() if count}

    @property
    def refusals(self) -> str:
        """The refused requests and the fields with most broken rules, in a few words; empty if none was refused."""
        if not self.refused_requests:
            return ""
        shares = [f"{name} {share:.0%}" for name, share in self.refused_field_shares.items()]
        more = f" and {len(shares) - NAMED_FIELDS} more" if len(shares) > NAMED_FIELDS else ""
        fields = f"; broken rules by field: {', '.join(shares[:NAMED_FIELDS])}{more}" if shares else ""
        return f"refused with 422: {self.refused_share:.1%} of requests{fields}"


@dataclass(frozen=True)
class Window:
    """The rows and the traffic of a period."""

    rows: int
    """Number of rows of the period in the log."""
    customers: int
    """Number of rows that count: one for each customer, and each row without a digest of its customer."""
    sample: list[sa.Row[Any]]
    """Random rows that count, each with features, model_version, churn_probability and customer_digest."""
    traffic: Traffic


def read(url: str, period: Period, *, rows: int) -> Window:
    """Count a period's predictions and customers, and sample at most `rows` customers.

    A million predictions take three seconds, and with digests of customers six.

    Raises:
        LogUnsupported, LogMissing: the address is not of a supported database, or there is no log at it.
        LogUnreadable: the database does not answer, or lacks our tables.
    """
    with connections.connection(url) as opened:
        if opened.dialect.name == "postgresql":  # with old statistics, it would look up each row of a window by itself
            opened.exec_driver_sql("SET LOCAL enable_nestloop = off")
        inside = within(PREDICTIONS.c.prediction_id, period)
        counted = customers.newest(inside)
        found = opened.scalar(sa.select(sa.func.count()).where(inside)) or 0
        different = opened.scalar(sa.select(sa.func.count()).select_from(counted)) or 0
        said = f"the window has {found:,} rows of {different:,} customers in the log"
        logger.info("%s; sampling at most %s customers", said, f"{rows:,}")
        sample = list(opened.execute(_sample(counted, inside, rows, different)))
        return Window(found, different, sample, _traffic(opened, period))


def within(ids: sa.Column[str], period: Period) -> sa.ColumnElement[bool]:
    """Return a condition that holds for the rows of a period; ids begin with the time."""
    first, after = period.ids
    return (ids >= first) & (ids < after)


def _sample(counted: sa.Subquery, inside: sa.ColumnElement[bool], rows: int, of_rows: int) -> sa.Select[Any]:
    names = ("features", "model_version", "churn_probability", "customer_digest")
    ids = counted.c.prediction_id
    # Ten standard deviations more than needed, so that hardly ever one row is missing, and few have to be sorted.
    few = sampling.sample_condition(ids, rows=rows + 10 * rows**0.5, of_rows=of_rows)
    both = PREDICTIONS.join(counted, customers.of_prediction(counted))
    query = sa.select(*(PREDICTIONS.c[name] for name in names)).select_from(both)
    # `inside` is true of all that count; it tells PostgreSQL which partitions to read.
    return query.where(few, inside).order_by(sampling.random_key(ids)).limit(rows)


def _traffic(opened: sa.Connection, period: Period) -> Traffic:
    columns = TRAFFIC.c.answered_requests, TRAFFIC.c.refused_requests, TRAFFIC.c.dropped_rows
    sums = sa.select(*(sa.func.coalesce(sa.func.sum(column), 0) for column in columns))
    of_period = within(TRAFFIC.c.traffic_id, period)
    answered, refused_requests, dropped = map(int, opened.execute(sums.where(of_period)).one())
    refused = sa.select(TRAFFIC.c.refused_fields).where(of_period, TRAFFIC.c.refused_requests > 0)
    fields: Counter[str] = Counter()
    for found in opened.execution_options(yield_per=1_000).scalars(refused):
        fields.update(found)
    return Traffic(answered, refused_requests, dropped, fields)
