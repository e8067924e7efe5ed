"""What is known of a prediction, from the outcomes of one or several reporters, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine

from models.log import known_outcomes, log_tables, migrations, reporters
from models.log.log_tables import OUTCOMES, PREDICTIONS
from models.log.reporters import Trusted
from tests import predictions

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.postgres


class Log:
    """A log with predictions of one moment, and who reported what of them on which day."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, rows: int = 1) -> list[str]:
        return predictions.add(self.engine, MADE_AT, rows=rows)

    def report(self, identity: str, reported_by: str, *, churned: bool, day: int) -> None:
        seen, recorded = MADE_AT + timedelta(days=day), MADE_AT + timedelta(days=day, hours=1)
        row = {"prediction_id": identity, "reported_by": reported_by, "churned": churned}
        with self.engine.begin() as connection:
            connection.execute(sa.insert(OUTCOMES), row | {"observed_at": seen, "recorded_at": recorded})

    def known(self, *names: str) -> dict[str, Any]:
        """Return reporter, outcome and day of each known outcome; without names, everybody is trusted."""
        known = known_outcomes.select(frozenset(names) or None)
        query = sa.select(known).select_from(PREDICTIONS.join(known, known_outcomes.of_prediction(known)))
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        assert len({row.prediction_id for row in rows}) == len(rows)
        return {row.prediction_id: (row.reported_by, row.churned, (row.observed_at - MADE_AT).days) for row in rows}

    def contradicted(self, *names: str, ids: list[str]) -> int:
        trusted: Trusted = frozenset(names) or None
        with self.engine.connect() as connection:
            return known_outcomes.count_contradicted(connection, PREDICTIONS.c.prediction_id.in_(ids), trusted)


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    sqlite = f"sqlite:///{tmp_path / 'log.db'}"
    engine = log_tables.connect(
        sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url"), create=True
    )
    migrations.upgrade(engine)
    yield Log(engine)
    engine.dispose()


def test_where_reporters_agree_the_earliest_report_counts_once(log: Log) -> None:
    one, other, nothing = log.add(3)
    for name, day in (("web", 30), ("crm", 20), ("app", 40)):
        log.report(one, name, churned=True, day=day)
    log.report(other, "web", churned=False, day=5)
    log.report(other, "app", churned=False, day=5)

    assert log.known() == {one: ("crm", True, 20), other: ("app", False, 5)}
    assert log.known("app", "web") == {one: ("web", True, 30), other: ("app", False, 5)}
    assert log.contradicted(ids=[one, other, nothing]) == 0


def test_where_trusted_reporters_disagree_nothing_is_known_and_it_is_counted_once(log: Log) -> None:
    one, other = log.add(2)
    for identity in (one, other):
        log.report(identity, "crm", churned=True, day=20)
    log.report(one, "app", churned=True, day=21)
    log.report(one, "stranger", churned=False, day=1)

    assert log.known() == {other: ("crm", True, 20)}
    assert log.contradicted(ids=[one, other]) == 1
    assert log.contradicted(ids=[other]) == 0


def test_who_is_not_trusted_neither_tells_nor_contradicts(log: Log) -> None:
    one, other = log.add(2)
    log.report(one, "crm", churned=True, day=20)
    log.report(one, "stranger", churned=False, day=1)
    log.report(other, "unknown", churned=False, day=1)

    assert log.known("crm") == {one: ("crm", True, 20)}
    assert log.contradicted("crm", ids=[one, other]) == 0
    assert log.known("crm", "unknown") == {one: ("crm", True, 20), other: ("unknown", False, 1)}
    assert log.known("nobody") == {}


NAMES: TypeAdapter[str | None] = TypeAdapter(reporters.Reporters)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crm", {"crm"}),
        (" crm, billing system ,crm", {"crm", "billing system"}),
        ("", None),
        (None, None),
    ],
)
def test_names_are_given_with_commas_and_no_name_is_everybody(text: str | None, expected: set[str] | None) -> None:
    assert reporters.parse(NAMES.validate_python(text)) == expected


@pytest.mark.parametrize("text", [",", "crm,", " ", "crm,,app", "x" * 65, "a\nb"])
def test_a_list_with_a_name_that_cannot_be_is_refused_and_never_taken_for_everybody(text: str) -> None:
    with pytest.raises(ValidationError, match="a name of 1 to 64 characters without a comma"):
        NAMES.validate_python(text)
