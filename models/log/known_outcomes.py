"""The known outcome of each prediction, from the outcomes that one or several reporters gave.

Where trusted reporters disagree, no outcome is known. Where they agree, the earliest report counts.
"""

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Subquery

from models.log.log_tables import OUTCOMES, PREDICTIONS
from models.log.reporters import Trusted


def select(trusted: Trusted) -> Subquery:
    """Return the columns of `OUTCOMES`, with at most one row for each prediction.

    It looks up the other reports of a prediction by the primary key. A `GROUP BY` would read the whole table even for
    a short window of predictions.
    """
    own = sa.select(OUTCOMES).where(_counts(OUTCOMES, trusted))
    if _is_single(trusted):
        return own.subquery("known_outcomes")
    other = OUTCOMES.alias()
    is_earlier = sa.tuple_(other.c.recorded_at, other.c.reported_by) < sa.tuple_(
        OUTCOMES.c.recorded_at, OUTCOMES.c.reported_by
    )
    is_preferred = (other.c.churned != OUTCOMES.c.churned) | is_earlier
    same = (other.c.prediction_id == OUTCOMES.c.prediction_id) & (other.c.reported_by != OUTCOMES.c.reported_by)
    others = sa.exists().where(same, is_preferred, _counts(other, trusted))
    return own.where(~others).subquery("known_outcomes")


def of_prediction(known: Subquery) -> ColumnElement[bool]:
    """Return the condition that joins known outcomes to `PREDICTIONS`."""
    return PREDICTIONS.c.prediction_id == known.c.prediction_id


def count_contradicted(connection: Connection, predictions: ColumnElement[bool], trusted: Trusted) -> int:
    """Count the predictions, of those that a condition selects, on which trusted reporters disagree."""
    if _is_single(trusted):
        return 0
    churned, stayed = OUTCOMES.alias(), OUTCOMES.alias()
    identity = PREDICTIONS.c.prediction_id
    both = PREDICTIONS.join(churned, churned.c.prediction_id == identity).join(
        stayed, stayed.c.prediction_id == identity
    )
    query = (
        sa.select(sa.func.count(identity.distinct()))
        .select_from(both)
        .where(predictions, churned.c.churned, ~stayed.c.churned, _counts(churned, trusted), _counts(stayed, trusted))
    )
    return connection.execute(query).scalar_one()


def _is_single(trusted: Trusted) -> bool:
    """Return whether one reporter is trusted, who has at most one outcome for each prediction."""
    return trusted is not None and len(trusted) == 1


def _counts(outcomes: sa.FromClause, trusted: Trusted) -> ColumnElement[bool]:
    return sa.true() if trusted is None else outcomes.c.reported_by.in_(sorted(trusted))
