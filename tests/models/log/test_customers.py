"""Which prediction of each customer counts, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from models.log import customers, known_outcomes, log_tables, migrations, row_ids
from models.log.log_tables import OUTCOMES, PREDICTIONS
from tests import predictions

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE, OTHER = "a" * 32, "b" * 32

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    sqlite = f"sqlite:///{tmp_path / 'log.db'}"
    opened = log_tables.connect(
        sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url"), create=True
    )
    yield opened
    opened.dispose()


def predict(engine: Engine, digest: str | None, *, day: int) -> str:
    [identity] = predictions.add(engine, MADE_AT + timedelta(days=day), rows=1)
    with engine.begin() as connection:
        own = PREDICTIONS.c.prediction_id == identity
        connection.execute(sa.update(PREDICTIONS).where(own).values(customer_digest=digest))
    return identity


def report(engine: Engine, identity: str, *, churned: bool, reported_by: str = "crm") -> None:
    row = {"prediction_id": identity, "reported_by": reported_by, "churned": churned}
    with engine.begin() as connection:
        connection.execute(sa.insert(OUTCOMES), row | {"observed_at": MADE_AT, "recorded_at": MADE_AT})


def ids(engine: Engine, selection: sa.Subquery) -> list[str]:
    query = sa.select(selection).select_from(PREDICTIONS.join(selection, customers.of_prediction(selection)))
    with engine.connect() as connection:
        return sorted(connection.scalars(query))


def test_the_newest_of_each_customer_counts_and_each_row_without_a_digest(engine: Engine) -> None:
    migrations.upgrade(engine)
    a = [predict(engine, ONE, day=day) for day in (1, 2, 3)]
    b = predict(engine, OTHER, day=1)
    alone = [predict(engine, None, day=day) for day in (1, 2)]

    assert ids(engine, customers.newest(sa.true())) == sorted([a[2], b, *alone])
    before = PREDICTIONS.c.prediction_id < a[2]
    assert ids(engine, customers.newest(before)) == sorted([a[1], b, *alone])


def test_the_first_with_an_outcome_counts_or_else_the_first(engine: Engine) -> None:
    migrations.upgrade(engine)
    a = [predict(engine, ONE, day=day) for day in (1, 2, 3)]
    b = [predict(engine, OTHER, day=day) for day in (1, 2)]
    alone = [predict(engine, None, day=day) for day in (1, 2)]
    report(engine, a[1], churned=False)
    report(engine, a[2], churned=True)
    report(engine, alone[1], churned=True)

    known = known_outcomes.select(None)
    assert ids(engine, customers.first(sa.true(), known)) == sorted([a[1], b[0], *alone])
    late = PREDICTIONS.c.prediction_id >= row_ids.first_id(MADE_AT + timedelta(days=2))
    assert ids(engine, customers.first(late, known)) == sorted([a[1], b[1], alone[1]])
    latest = PREDICTIONS.c.prediction_id >= row_ids.first_id(MADE_AT + timedelta(days=3))
    assert ids(engine, customers.first(latest, known)) == [a[2]]


def test_an_outcome_that_is_not_known_from_trusted_reporters_is_none(engine: Engine) -> None:
    migrations.upgrade(engine)
    first, second, third = (predict(engine, ONE, day=day) for day in (1, 2, 3))
    report(engine, first, churned=True)
    report(engine, first, churned=False, reported_by="app")
    report(engine, second, churned=True, reported_by="stranger")
    report(engine, third, churned=True)

    assert ids(engine, customers.first(sa.true(), known_outcomes.select(frozenset({"crm", "app"})))) == [third]
    assert ids(engine, customers.first(sa.true(), known_outcomes.select(None))) == [second]


def test_predictions_of_a_log_without_digests_stay_and_count_each(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["engine"] = engine
    command.upgrade(config, "0003")
    before = predictions.add(engine, MADE_AT, rows=2)
    report(engine, before[0], churned=True)

    assert migrations.upgrade(engine)
    with engine.connect() as connection:
        assert set(connection.scalars(sa.select(PREDICTIONS.c.customer_digest))) == {None}
    assert ids(engine, customers.newest(sa.true())) == sorted(before)
    assert ids(engine, customers.first(sa.true(), known_outcomes.select(None))) == sorted(before)


def test_an_instance_of_the_version_before_can_still_insert(engine: Engine) -> None:
    migrations.upgrade(engine)
    columns = [column.name for column in PREDICTIONS.columns if column.name != "customer_digest"]
    [row] = predictions.add(engine, MADE_AT, rows=1)
    copied = ", ".join(["'" + "0" * 32 + "'", *columns[1:]])
    with engine.begin() as connection:  # it names its own columns
        connection.execute(
            sa.text(f"INSERT INTO predictions ({', '.join(columns)}) SELECT {copied} FROM predictions")  # noqa: S608
        )

    assert ids(engine, customers.newest(sa.true())) == sorted(["0" * 32, row])
