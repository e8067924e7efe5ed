"""Reads the logged predictions of champion and challenger, with their outcomes; a customer counts once for each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from models.customer.contract import Labels, Vector
from models.log import customers, known_outcomes
from models.log.log_tables import CHALLENGER_PREDICTIONS, PREDICTIONS
from models.log.reporters import Trusted

Made = tuple[str, str]
"""Lower bounds of the ids of the period, and of what comes after it."""


@dataclass(frozen=True)
class LoggedPredictions:
    """The predictions of one model."""

    version: str
    probability: Vector
    """(n,) in [0, 1]."""
    churned: npt.NDArray[np.float64]
    """(n,) 1 or 0; NaN where no outcome is known from trusted reporters."""
    repeated: int = 0
    """Number of predictions that do not count, because another one of their customer does."""

    @property
    def outcomes(self) -> Labels:
        """Outcomes as labels; all must be known."""
        return self.churned.astype(np.int64)

    def known(self) -> "LoggedPredictions":
        """Return the predictions that have an outcome."""
        has = ~np.isnan(self.churned)
        return LoggedPredictions(self.version, self.probability[has], self.churned[has])


def read_shadow(
    connection: sa.Connection, champion: str, challenger: str, *, made: Made, trusted: Trusted
) -> tuple[LoggedPredictions, LoggedPredictions]:
    """Read both models' predictions of the same customers, in the same order."""
    shadow, known = CHALLENGER_PREDICTIONS, known_outcomes.select(trusted)
    by_both = sa.exists().where(
        shadow.c.prediction_id == PREDICTIONS.c.prediction_id, shadow.c.model_version == challenger
    )
    own = _made(champion, made) & by_both
    counted = customers.first(own, known)
    query = (
        sa.select(PREDICTIONS.c.churn_probability, shadow.c.churn_probability, known.c.churned)
        .select_from(PREDICTIONS.join(counted, customers.of_prediction(counted)).join(shadow))
        .outerjoin(known, known_outcomes.of_prediction(known))
        .where(_between(made), shadow.c.model_version == challenger)
        .order_by(PREDICTIONS.c.prediction_id)
    )
    theirs, ours, churned = _columns(connection, query, 3)
    repeated = _count(connection, own) - len(churned)
    return (
        LoggedPredictions(champion, theirs, churned, repeated),
        LoggedPredictions(challenger, ours, churned, repeated),
    )


def read_answers(
    connection: sa.Connection, version: str, *, made: Made, trusted: Trusted, is_named: bool = False
) -> LoggedPredictions:
    """Read the predictions that one model answered; with `is_named`, those of customers with an id."""
    known = known_outcomes.select(trusted)
    own = _made(version, made)
    if is_named:
        own &= PREDICTIONS.c.customer_digest.is_not(None)
    counted = customers.first(own, known)
    query = (
        sa.select(PREDICTIONS.c.churn_probability, known.c.churned)
        .select_from(PREDICTIONS.join(counted, customers.of_prediction(counted)))
        .outerjoin(known, known_outcomes.of_prediction(known))
        .where(own)
        .order_by(PREDICTIONS.c.prediction_id)
    )
    probability, churned = _columns(connection, query, 2)
    return LoggedPredictions(version, probability, churned, _count(connection, own) - len(churned))


def are_named(connection: sa.Connection, version: str, *, made: Made) -> bool:
    """Return whether the log tells the customers of a model apart; those of a canary all come with an id."""
    named = _made(version, made) & PREDICTIONS.c.customer_digest.is_not(None)
    return connection.execute(sa.select(sa.exists().where(named))).scalar_one()


def count_contradicted(
    connection: sa.Connection, champion: str, challenger: str, *, made: Made, trusted: Trusted
) -> int:
    """Count the predictions of both models whose outcome is unknown because trusted reporters disagree."""
    is_asked = _between(made) & PREDICTIONS.c.model_version.in_([champion, challenger])
    return known_outcomes.count_contradicted(connection, is_asked, trusted)


def _made(version: str, made: Made) -> sa.ColumnElement[bool]:
    return _between(made) & (PREDICTIONS.c.model_version == version)


def _between(made: Made) -> sa.ColumnElement[bool]:
    return (PREDICTIONS.c.prediction_id >= made[0]) & (PREDICTIONS.c.prediction_id < made[1])


def _count(connection: sa.Connection, own: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(PREDICTIONS).where(own)).scalar_one()


def _columns(connection: sa.Connection, query: sa.Select[Any], width: int) -> list[Vector]:
    cells = np.array(connection.execute(query).all(), dtype=np.float64)  # NULL becomes NaN
    return list(cells.reshape(-1, width).T)
