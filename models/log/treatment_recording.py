"""Stores treatments in the prediction log, one for each prediction.

SQLAlchemy takes a quarter of a second to import, so the service imports this module with the first treatment.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from models.log.errors import OutcomesUnknown, TreatmentsContradicted
from models.log.log_tables import INSERT, PREDICTIONS, TREATMENTS
from models.log.treatments import Offer, Treatment


class Recorded(NamedTuple):
    """The recorded treatment of the customer of a prediction."""

    prediction_id: str
    offer: Offer
    given_at: datetime
    """As first reported."""
    recorded_at: datetime
    reported_by: str
    """Who reported it first."""
    is_new: bool
    """Whether this call recorded it."""
    breaks_holdout: bool
    """Whether an offer was made to a customer who was drawn to get none."""


def record(engine: Engine, treatments: Collection[Treatment], *, reported_by: str) -> list[Recorded]:
    """Store up to `MAX_TREATMENTS` treatments, all or none, and return each as it is stored.

    Safe for concurrent clients: if two of them report different offers, one is rejected.

    Raises:
        OutcomesUnknown: the log has no such predictions.
        TreatmentsContradicted: a different offer is known, from the log or among these.
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
    """
    first = _first_of_each(treatments)
    ids = sorted(first)  # all clients insert rows in the same order, so there is no deadlock
    with engine.connect() as connection:
        try:
            return _store(connection, first, ids, reported_by)
        except OutcomesUnknown:  # while predictions are moved to another partition, none is found
            return _store(connection, first, ids, reported_by)


def _first_of_each(treatments: Iterable[Treatment]) -> dict[str, Treatment]:
    first: dict[str, Treatment] = {}
    contradicted = [
        one.prediction_id for one in treatments if first.setdefault(one.prediction_id, one).offer != one.offer
    ]
    if contradicted:
        raise TreatmentsContradicted(ids=list(dict.fromkeys(contradicted)))
    return first


def _store(
    connection: Connection, first: Mapping[str, Treatment], ids: Sequence[str], reported_by: str
) -> list[Recorded]:
    with connection.begin():
        draws = _draws(connection, ids)
        new = _insert(connection, [first[identity] for identity in ids], reported_by)
        asked = sa.select(TREATMENTS).where(TREATMENTS.c.prediction_id.in_(ids))
        stored = {row["prediction_id"]: row for row in connection.execute(asked).mappings()}
        if differ := [identity for identity in ids if stored[identity]["offer"] != first[identity].offer]:
            raise TreatmentsContradicted(ids=differ)
    return [
        Recorded(
            **stored[identity],
            is_new=identity in new,
            breaks_holdout=bool(draws[identity]) and first[identity].offer != "none",
        )
        for identity in first
    ]


def _draws(connection: Connection, ids: Sequence[str]) -> dict[str, bool | None]:
    """Return whether the customer of each prediction was held out; every prediction must be in the log."""
    asked = sa.select(PREDICTIONS.c.prediction_id, PREDICTIONS.c.held_out).where(PREDICTIONS.c.prediction_id.in_(ids))
    found = {row.prediction_id: row.held_out for row in connection.execute(asked)}
    if unknown := [identity for identity in ids if identity not in found]:
        raise OutcomesUnknown(ids=unknown)
    return found


def _insert(connection: Connection, treatments: Iterable[Treatment], reported_by: str) -> set[str]:
    """Insert the treatments of predictions that have none, and return their ids; waits for concurrent inserts."""
    same: dict[str, Any] = {"reported_by": reported_by, "recorded_at": datetime.now(UTC)}
    rows = [one.model_dump() | same for one in treatments]
    insertion = INSERT[connection.dialect.name](TREATMENTS).on_conflict_do_nothing()
    return set(connection.scalars(insertion.returning(TREATMENTS.c.prediction_id), rows))
