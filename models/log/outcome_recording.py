"""Stores outcomes in the prediction log, at most one for each prediction and reporter.

SQLAlchemy takes a quarter of a second to import, so the service imports this module with the first outcome.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from models.log.errors import OutcomesContradicted, OutcomesUnknown
from models.log.log_tables import INSERT, OUTCOMES, PREDICTIONS
from models.log.outcomes import Outcome


class Recorded(NamedTuple):
    """The recorded outcome of a prediction, as its reporter gave it."""

    prediction_id: str
    reported_by: str
    churned: bool
    observed_at: datetime
    """As first reported."""
    recorded_at: datetime
    is_new: bool
    """Whether this call recorded it."""
    contradicts: tuple[str, ...]
    """Other reporters who gave the opposite outcome; empty for an outcome that is not new."""


def record(engine: Engine, outcomes: Collection[Outcome], *, reported_by: str) -> list[Recorded]:
    """Store up to `MAX_OUTCOMES` outcomes of a reporter, all or none, and return each as it is stored.

    Safe for concurrent clients: if two of them report different outcomes as one reporter, one is rejected. As two
    reporters, at least the later one contradicts the other.

    Raises:
        OutcomesUnknown: the log has no such predictions.
        OutcomesContradicted: the reporter has given different outcomes, in the log or among these.
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
    """
    first = _first_of_each(outcomes)
    ids = sorted(first)  # all clients insert rows in the same order, so there is no deadlock
    with engine.connect() as connection:
        try:
            new, stored = _store(connection, first, ids, reported_by)
        except (OutcomesUnknown, IntegrityError):  # while predictions are moved to another partition, none is found
            new, stored = _store(connection, first, ids, reported_by)
        # After the commit, so that of two reporters at the same time at least the later one sees the other.
        others = _find_opposites(connection, {identity: first[identity].churned for identity in new}, reported_by)
    return [Recorded(**stored[identity], is_new=identity in new, contradicts=others[identity]) for identity in first]


def _store(
    connection: Connection, first: Mapping[str, Outcome], ids: Sequence[str], reported_by: str
) -> tuple[set[str], Mapping[str, Any]]:
    """Store the outcomes in one transaction; return the ids of those that are new, and all as they are stored."""
    with connection.begin():
        _require_predictions(connection, ids)
        new = _insert(connection, [first[identity] for identity in ids], reported_by)
        own = OUTCOMES.c.reported_by == reported_by
        stored = {row["prediction_id"]: row for row in connection.execute(_having(OUTCOMES, ids, own)).mappings()}
        if differ := [identity for identity in ids if stored[identity]["churned"] != first[identity].churned]:
            raise OutcomesContradicted(ids=differ)
    return new, stored


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


def _insert(connection: Connection, outcomes: Iterable[Outcome], reported_by: str) -> set[str]:
    """Insert the outcomes that are new from this reporter, and return their ids; waits for concurrent inserts."""
    same = {"reported_by": reported_by, "recorded_at": datetime.now(UTC)}
    rows = [outcome.model_dump() | same for outcome in outcomes]
    insertion = INSERT[connection.dialect.name](OUTCOMES).on_conflict_do_nothing()
    return set(connection.scalars(insertion.returning(OUTCOMES.c.prediction_id), rows))


def _find_opposites(
    connection: Connection, churned: Mapping[str, bool], reported_by: str
) -> Mapping[str, tuple[str, ...]]:
    """Return the other reporters, by prediction, whose outcome is the opposite of `churned`."""
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    if churned:
        others = _having(OUTCOMES, churned, OUTCOMES.c.reported_by != reported_by)
        for row in connection.execute(others.order_by(OUTCOMES.c.reported_by)):
            if row.churned != churned[row.prediction_id]:
                found[row.prediction_id] += (row.reported_by,)
    return found


def _having(table: sa.Table, ids: Collection[str], *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(table).where(table.c.prediction_id.in_(ids), *conditions)
