"""Outcomes from before reporters were stored survive the upgrade, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from models.log import log_tables, migrations, outcome_recording
from models.log.log_tables import OUTCOMES, PREDICTIONS
from models.log.outcomes import Outcome
from tests import predictions

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD_INSERT = sa.text(
    "INSERT INTO outcomes (prediction_id, churned, observed_at, recorded_at) "
    "VALUES (:prediction_id, :churned, :at, :at)"
).bindparams(sa.bindparam("at", type_=log_tables.Moment))
"""As the version before writes an outcome."""

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A log as the version before reporters left it."""
    sqlite = f"sqlite:///{tmp_path / 'log.db'}"
    opened = log_tables.connect(
        sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url"), create=True
    )
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["engine"] = opened
    command.upgrade(config, "0002")
    yield opened
    opened.dispose()


def report(engine: Engine, identity: str, *, churned: bool) -> None:
    with engine.begin() as connection:
        connection.execute(OLD_INSERT, {"prediction_id": identity, "churned": churned, "at": MADE_AT})


def outcomes(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        query = sa.select(OUTCOMES).order_by(OUTCOMES.c.prediction_id, OUTCOMES.c.reported_by)
        return [tuple(row) for row in connection.execute(query)]


def test_old_outcomes_have_an_unknown_reporter_and_the_rest_of_them_stays(engine: Engine) -> None:
    one, other = sorted(predictions.add(engine, MADE_AT, rows=2))
    report(engine, one, churned=True)
    report(engine, other, churned=False)

    assert migrations.upgrade(engine)
    assert outcomes(engine) == [
        (one, "unknown", True, MADE_AT, MADE_AT),
        (other, "unknown", False, MADE_AT, MADE_AT),
    ]


def test_after_the_upgrade_each_reporter_has_an_outcome_of_its_own_and_not_two(engine: Engine) -> None:
    [identity] = predictions.add(engine, MADE_AT, rows=1)
    report(engine, identity, churned=False)
    migrations.upgrade(engine)
    churned = Outcome(prediction_id=identity, churned=True, observed_at=MADE_AT + timedelta(days=30))
    [told] = outcome_recording.record(engine, [churned], reported_by="crm")

    assert told.contradicts == ("unknown",)
    assert [row[1:3] for row in outcomes(engine)] == [("crm", True), ("unknown", False)]
    again = {name: value for name, value in told._asdict().items() if name in OUTCOMES.c}
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(sa.insert(OUTCOMES), again)


def test_outcomes_are_still_deleted_with_their_prediction(engine: Engine) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    report(engine, one, churned=True)
    report(engine, other, churned=True)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.delete(PREDICTIONS).where(PREDICTIONS.c.prediction_id == one))

    assert [row[0] for row in outcomes(engine)] == [other]


def test_an_instance_of_the_version_before_can_still_report(engine: Engine) -> None:
    [identity] = predictions.add(engine, MADE_AT, rows=1)
    migrations.upgrade(engine)
    report(engine, identity, churned=True)

    assert [row[:3] for row in outcomes(engine)] == [(identity, "unknown", True)]


def test_an_upgrade_that_fails_changes_nothing(engine: Engine) -> None:
    [identity] = predictions.add(engine, MADE_AT, rows=1)
    report(engine, identity, churned=True)
    # What is in the way of the last step: of the name of PostgreSQL's key, and of SQLite's renaming.
    obstacles = {
        "postgresql": "ALTER TABLE outcomes RENAME CONSTRAINT outcomes_pkey TO another_key",
        "sqlite": "CREATE VIEW seen AS SELECT churned FROM outcomes",
    }
    with engine.begin() as connection:
        connection.execute(sa.text(obstacles[engine.dialect.name]))
    with pytest.raises((OperationalError, ProgrammingError), match=r"another_key|outcomes_pkey|seen"):
        migrations.upgrade(engine)

    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one() == "0002"
        assert [tuple(row) for row in connection.execute(sa.text("SELECT prediction_id, churned FROM outcomes"))] == [
            (identity, True)
        ]
    assert "reported_by" not in {column["name"] for column in sa.inspect(engine).get_columns("outcomes")}
