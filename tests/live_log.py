"""A prediction log as a service and its clients would have left it, with every moment chosen."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from demo.populations import Population
from models.bundles.risk import RiskPolicy
from models.log import log_tables, migrations
from tests import predictions

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)


def write(
    url: str,
    world: Population,
    rows: int,
    *,
    seed: int = 1,
    days: tuple[float, float] = (100, 5),
    known_after: timedelta | Sequence[timedelta | None] = DAY,
    **same: Any,
) -> list[str]:
    """Add predictions, the first and the last so many days ago, with outcomes; return their ids, in order of time."""
    customers = world.customers(rows, seed=seed)
    first, last = (NOW - number * DAY for number in days)
    made = [first + (last - first) * number / rows for number in range(rows)]
    delays = [known_after] * rows if isinstance(known_after, timedelta) else known_after
    return add(
        url,
        [customer.features for customer in customers],
        [customer.churned for customer in customers],
        made,
        [at if delay is None else at + delay for at, delay in zip(made, delays, strict=True)],
        has_outcome=[delay is not None for delay in delays],
        **same,
    )


def add(
    url: str,
    features: Sequence[Mapping[str, Any] | None],
    churned: Sequence[bool],
    made: Sequence[datetime],
    recorded: Sequence[datetime],
    *,
    has_outcome: Sequence[bool],
    version: str = "v1",
    probability: Sequence[float] | None = None,
    reported_by: str = "crm",
    digests: Sequence[str | None] | None = None,
) -> list[str]:
    """Add predictions and outcomes; the table is made if need be. An outcome is seen when it is recorded."""
    policy, said = RiskPolicy(), probability or [0.5] * len(features)
    rows = [
        predictions.row(one, score, at=at, version=version, policy=policy)
        for one, score, at in zip(features, said, made, strict=True)
    ]
    rows = [row | {"customer_digest": own} for row, own in zip(rows, digests or [None] * len(rows), strict=True)]
    ids = [row["prediction_id"] for row in rows]
    outcomes = [
        {"prediction_id": identity, "reported_by": reported_by, "churned": left, "observed_at": at, "recorded_at": at}
        for identity, left, at, known in zip(ids, churned, recorded, has_outcome, strict=True)
        if known
    ]
    engine = log_tables.connect(url, create=True)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(log_tables.PREDICTIONS), rows)
        if outcomes:
            connection.execute(sa.insert(log_tables.OUTCOMES), outcomes)
    engine.dispose()
    return ids
