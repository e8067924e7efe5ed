"""Counts the predictions of a period in the prediction log, and their known outcomes."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from models.log import known_outcomes
from models.log.log_tables import PREDICTIONS
from models.log.reporters import Trusted

_NEWEST_FRACTION = 0.2


@dataclass(frozen=True)
class Counts:
    """Numbers of predictions and outcomes in the period that is read."""

    predictions: int
    outcomes: int
    contradicted: int
    """Predictions on which trusted reporters disagree, so that no outcome is known."""
    newest_outcome_share: float
    older_outcome_share: float


def count(connection: Connection, asked: ColumnElement[bool], trusted: Trusted) -> Counts:
    """Count the predictions that a condition selects, and the outcomes that trusted reporters gave."""
    ids, known = PREDICTIONS.c.prediction_id, known_outcomes.select(trusted)
    both = sa.select(sa.func.count(ids), sa.func.count(known.c.prediction_id))
    both = both.select_from(PREDICTIONS.outerjoin(known, known_outcomes.of_prediction(known))).where(asked)
    predictions, outcomes = connection.execute(both).one()
    newest = max(1, int(predictions * _NEWEST_FRACTION))
    border = sa.select(ids).where(asked).order_by(ids.desc()).offset(newest - 1).limit(1).scalar_subquery()
    _, newest_outcomes = connection.execute(both.where(ids >= border)).one()
    return Counts(
        predictions=predictions,
        outcomes=outcomes,
        contradicted=known_outcomes.count_contradicted(connection, asked, trusted),
        newest_outcome_share=newest_outcomes / newest,
        older_outcome_share=(outcomes - newest_outcomes) / max(1, predictions - newest),
    )
