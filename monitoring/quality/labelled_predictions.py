"""Reads the predictions of one model in a period, and their outcomes, from the prediction log.

All rows are counted; if there are more than 100,000, a random sample of about 100,000 is read. Outcomes come late and
not at random, so predictions with and without an outcome are counted by tier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import sqlalchemy as sa

from models.bundles.risk import RiskTier
from models.customer.contract import Contract, Labels, Vector
from models.customer.history import old_names
from models.log import customers, known_outcomes
from models.log.log_tables import PREDICTIONS
from models.log.reporters import Trusted
from monitoring.log import sampling, window
from monitoring.period import Period

SAMPLE_ROWS = 100_000
_CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Tier:
    """Number of predictions of a risk tier, and number of those with an outcome."""

    predictions: int = 0
    outcomes: int = 0


@dataclass(frozen=True)
class Outcomes:
    """Predictions with a known outcome: all, or a random sample."""

    probability: Vector
    churned: Labels
    delay_seconds: Vector
    """Time from the prediction to the observation of its outcome."""
    features: Mapping[str, Vector]
    """Feature name to values in the contract's encoding; all NaN if the log has no inputs."""


@dataclass(frozen=True)
class LabelledPredictions:
    """The predictions of one model in a period; a customer counts once, with the first one that has an outcome."""

    tiers: Mapping[RiskTier, Tier]
    other_models_rows: int
    """Number of predictions of other models in the period."""
    probability: Vector
    """Probabilities of all predictions, or of a random sample."""
    outcomes: Outcomes
    repeated_rows: int = 0
    """Number of this model's predictions that do not count, because another one of their customer does."""
    contradicted_rows: int = 0
    """Number of predictions without a known outcome because trusted reporters disagree."""

    @property
    def window_rows(self) -> int:
        """Number of predictions that count."""
        return sum(tier.predictions for tier in self.tiers.values())

    @property
    def outcomes_rows(self) -> int:
        """Number of predictions that count and have an outcome."""
        return sum(tier.outcomes for tier in self.tiers.values())

    @property
    def median_delay_seconds(self) -> float | None:
        """Median time from prediction to observation; None without outcomes."""
        delays = self.outcomes.delay_seconds
        return float(np.median(delays)) if len(delays) else None


def read(
    connection: sa.Connection, period: Period, *, model_version: str, contract: Contract, trusted: Trusted
) -> LabelledPredictions:
    """Read a model's predictions and the outcomes from trusted reporters.

    A million predictions, most with outcomes, take six seconds.
    """
    inside = window.within(PREDICTIONS.c.prediction_id, period)
    made = inside & (PREDICTIONS.c.model_version == model_version)
    known = known_outcomes.select(trusted)
    counted = customers.first(made, known)
    tiers = _count(connection, counted, known, made)
    rows, labelled = sum(tier.predictions for tier in tiers.values()), sum(tier.outcomes for tier in tiers.values())
    own = sa.func.count().filter(made)
    everyone, ours = connection.execute(sa.select(sa.func.count(), own).select_from(PREDICTIONS).where(inside)).one()
    both = PREDICTIONS.join(counted, customers.of_prediction(counted))
    probabilities = sa.select(PREDICTIONS.c.churn_probability).select_from(both).where(made, _sample(rows))
    return LabelledPredictions(
        tiers=tiers,
        other_models_rows=everyone - ours,
        probability=np.fromiter(connection.execute(probabilities).scalars(), np.float64),
        outcomes=_read_outcomes(connection, counted, known, made & _sample(labelled), contract),
        repeated_rows=ours - rows,
        contradicted_rows=known_outcomes.count_contradicted(connection, made, trusted),
    )


def _count(
    connection: sa.Connection, counted: sa.Subquery, known: sa.Subquery, made: sa.ColumnElement[bool]
) -> dict[RiskTier, Tier]:
    both = PREDICTIONS.join(counted, customers.of_prediction(counted))
    by_tier = (
        sa.select(PREDICTIONS.c.risk_tier, sa.func.count(), sa.func.count(known.c.prediction_id))
        .select_from(both.outerjoin(known, known_outcomes.of_prediction(known)))
        .where(made)  # true of all that count; it tells PostgreSQL which partitions to read
        .group_by(PREDICTIONS.c.risk_tier)
    )
    found = {tier: Tier(predictions, outcomes) for tier, predictions, outcomes in connection.execute(by_tier)}
    return {tier: found.get(tier, Tier()) for tier in get_args(RiskTier)}


def _sample(of_rows: int) -> sa.ColumnElement[bool]:
    return sampling.sample_condition(PREDICTIONS.c.prediction_id, rows=SAMPLE_ROWS, of_rows=of_rows)


def _read_outcomes(
    connection: sa.Connection,
    counted: sa.Subquery,
    known: sa.Subquery,
    asked: sa.ColumnElement[bool],
    contract: Contract,
) -> Outcomes:
    both = PREDICTIONS.join(counted, customers.of_prediction(counted))
    query = (
        sa.select(
            PREDICTIONS.c.churn_probability,
            known.c.churned,
            PREDICTIONS.c.made_at,
            known.c.observed_at,
            PREDICTIONS.c.features,
        )
        .select_from(both.join(known, known_outcomes.of_prediction(known)))
        .where(asked)
        .execution_options(yield_per=_CHUNK_ROWS)
    )
    chunks = [_outcomes(chunk, contract) for chunk in ([], *connection.execute(query).partitions())]
    return Outcomes(
        probability=np.concatenate([chunk.probability for chunk in chunks]),
        churned=np.concatenate([chunk.churned for chunk in chunks]),
        delay_seconds=np.concatenate([chunk.delay_seconds for chunk in chunks]),
        features={name: np.concatenate([chunk.features[name] for chunk in chunks]) for name in contract.names},
    )


def _outcomes(rows: Sequence[Any], contract: Contract) -> Outcomes:
    inputs = [
        old_names.of_today(contract, row.features) or old_names.renamed(contract, row.features or {}) for row in rows
    ]
    return Outcomes(
        probability=np.array([row.churn_probability for row in rows], dtype=np.float64),
        churned=np.array([row.churned for row in rows], dtype=np.int64),
        delay_seconds=np.array([(row.observed_at - row.made_at).total_seconds() for row in rows], dtype=np.float64),
        features={
            feature.name: feature.encode([one.get(feature.name) for one in inputs]) for feature in contract.features
        },
    )
