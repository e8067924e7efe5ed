"""Stores outcomes in the prediction log, at most one for each prediction.

SQLAlchemy takes a quarter of a second to import, so the service imports this module with the first outcome.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from models.log.errors import OutcomesContradicted, OutcomesUnknown
from models.log.log_tables import INSERT, OUTCOMES, PREDICTIONS
from models.log.outcomes import Outcome


class Recorded(NamedTuple):
    """The recorded outcome of a prediction."""

    prediction_id: str
    churned: bool
    observed_at: datetime
    """As first reported."""
    recorded_at: datetime
    is_new: bool
    """Whether this call recorded it."""


def record(engine: Engine, outcomes: Collection[Outcome]) -> list[Recorded]:
    """Store up to `MAX_OUTCOMES` outcomes, all or none, and return the stored outcome of each prediction.

    Safe for concurrent clients: if two of them report different outcomes, one is rejected.

    Raises:
        OutcomesUnknown: the log has no such predictions.
        OutcomesContradicted: they have different outcomes, in the log or among these.
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
    """
    first = _first_of_each(outcomes)
    ids = sorted(first)  # all clients lock rows in the same order, so there is no deadlock
    with engine.begin() as connection:
        _require_predictions(connection, ids)
        new = _insert(connection, [first[identity] for identity in ids])
        stored = {row["prediction_id"]: row for row in connection.execute(_having(OUTCOMES, ids)).mappings()}
        if contradicted := [identity for identity in ids if stored[identity]["churned"] != first[identity].churned]:
            raise OutcomesContradicted(ids=contradicted)
    return [Recorded(**stored[identity], is_new=identity in new) for identity in first]


def _first_of_each(outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    first: dict[str, Outcome] = {}
    contradicted = [
        outcome.prediction_id
        for outcome in outcomes
        if first.setdefault(outcome.prediction_id, outcome).churned != outcome.churned
    ]
    if contradicted:
        raise OutcomesContradicted(ids=list(dict.fromkeys(contradicted)))
    return first


def _require_predictions(connection: Connection, ids: Sequence[str]) -> None:
    known = set(connection.scalars(_having(PREDICTIONS, ids).with_only_columns(PREDICTIONS.c.prediction_id)))
    if unknown := [identity for identity in ids if identity not in known]:
        raise OutcomesUnknown(ids=unknown)


def _insert(connection: Connection, outcomes: Iterable[Outcome]) -> set[str]:
    """Insert the outcomes of predictions that have none, and return their ids; waits for concurrent inserts."""
    now = datetime.now(UTC)
    rows = [outcome.model_dump() | {"recorded_at": now} for outcome in outcomes]
    insertion = INSERT[connection.dialect.name](OUTCOMES).on_conflict_do_nothing()
    return set(connection.scalars(insertion.returning(OUTCOMES.c.prediction_id), rows))


def _having(table: sa.Table, ids: Sequence[str]) -> sa.Select[Any]:
    return sa.select(table).where(table.c.prediction_id.in_(ids))
