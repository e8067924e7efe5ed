"""Old predictions and their outcomes are deleted from the log while others write to it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from models.log import log_tables, migrations, outcome_recording, row_ids
from models.log.errors import LogMissing
from models.log.outcomes import Outcome
from models.log.partitions import catalogue, upkeep
from monitoring import pruning
from monitoring.runs import run_store
from monitoring.settings import PruneSettings
from tests import predictions

NOW = datetime.now(UTC)
OLD, RECENT = NOW - timedelta(days=31), NOW - timedelta(days=29)

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = log_tables.connect(url, create=True)
    migrations.upgrade(opened)
    yield opened
    opened.dispose()


def count_requests(engine: Engine, at: datetime) -> str:
    counts = {"answered_requests": 1, "refused_requests": 0, "refused_fields": {}, "dropped_rows": 0}
    identity = row_ids.first_id(at)
    with engine.begin() as connection:
        connection.execute(sa.insert(log_tables.TRAFFIC).values(traffic_id=identity, counted_at=at, **counts))
    return identity


def ids_in(engine: Engine, table: sa.Table) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.select(*table.primary_key)))


def prune(url: str, keep_days: int = 30) -> str:
    return pruning.run(PruneSettings(log_url=url, keep_days=keep_days))


def let_challenger_speak(engine: Engine, ids: list[str]) -> None:
    said = {"model_version": "v2", "churn_probability": 0.6, "churn_prediction": True, "risk_tier": "medium"}
    rows = [{"prediction_id": identity} | said for identity in ids]
    with engine.begin() as connection:
        connection.execute(sa.insert(log_tables.CHALLENGER_PREDICTIONS), rows)


def test_what_is_old_goes_with_its_outcomes_and_what_is_not_stays(
    engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK_ROWS", 3)
    old, recent = predictions.add(engine, OLD, rows=7), predictions.add(engine, RECENT, rows=2)
    outcomes = [Outcome(prediction_id=identity, churned=True, observed_at=NOW) for identity in [*old[:4], recent[0]]]
    outcome_recording.record(engine, outcomes, reported_by="crm")
    let_challenger_speak(engine, [*old, *recent])
    count_requests(engine, OLD)
    counted = count_requests(engine, RECENT)
    told = prune(url)

    assert told.startswith("deleted 7 predictions, with their outcomes, and 1 counts of requests from before 20")
    assert ids_in(engine, log_tables.PREDICTIONS) == set(recent)
    assert ids_in(engine, log_tables.OUTCOMES) == {recent[0]}
    assert ids_in(engine, log_tables.CHALLENGER_PREDICTIONS) == set(recent)
    assert ids_in(engine, log_tables.TRAFFIC) == {counted}
    assert prune(url).startswith("deleted 0 predictions, with their outcomes, and 0 counts")


def test_it_tells_how_many_runs_went(engine: Engine, url: str, tmp_path: Path) -> None:
    run_store.write({"run_id": "any"}, tmp_path, "performance", OLD)
    predictions.add(engine, OLD, rows=2)
    told = pruning.run(PruneSettings(log_url=url, output_dir=tmp_path, keep_days=30, keep_runs="30d"))

    assert told.startswith("removed 1 runs; deleted 2 predictions")


def test_others_write_while_much_is_deleted(engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "CHUNK_ROWS", 50)
    predictions.add(engine, OLD, rows=1_000)
    deletion = threading.Thread(target=prune, args=(url,))
    deletion.start()
    written = []
    while deletion.is_alive():
        written += predictions.add(engine, RECENT, rows=1)

    assert len(written) > 10
    assert ids_in(engine, log_tables.PREDICTIONS) == set(written)


def test_on_a_partitioned_log_select_and_delete_are_rights_enough(postgres_url: str) -> None:
    engine, role = log_tables.connect(postgres_url), "only_deletes"
    migrations.upgrade(engine)
    for when in (OLD, NOW):
        upkeep.keep(engine, when)
    old = [*predictions.add(engine, OLD, rows=2), *predictions.add(engine, OLD - timedelta(weeks=3), rows=2)]
    recent = predictions.add(engine, RECENT + timedelta(weeks=1), rows=2)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        names = ", ".join(table.name for table in (*catalogue.TABLES, log_tables.TREATMENTS))
        connection.exec_driver_sql(f"GRANT SELECT, DELETE ON {names} TO {role}")
    try:
        url = sa.make_url(postgres_url).set(username=role).render_as_string()
        told = pruning.run(PruneSettings(log_url=url, keep_days=23))
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert told.startswith(f"deleted {len(old)} predictions")
    assert ids_in(engine, log_tables.PREDICTIONS) == set(recent)
    engine.dispose()


def test_the_values_of_all_weeks_are_counted_anew_when_the_counts_are_old(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = log_tables.connect(postgres_url)
    migrations.upgrade(engine)
    predictions.add(engine, NOW, rows=3)
    counts = []
    for days in (6, 6, 0, 6):
        monkeypatch.setattr(pruning, "COUNTED_DAYS", days)
        prune(postgres_url)
        with engine.connect() as connection:
            query = "SELECT analyze_count FROM pg_stat_all_tables WHERE relname = 'predictions'"
            counts.append(connection.exec_driver_sql(query).scalar_one())
    engine.dispose()
    assert counts == [1, 1, 2, 2]


def test_old_runs_go_when_their_age_is_said_even_while_the_log_is_away(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    old, recent = (run_store.write({"run_id": "any"}, tmp_path, "drift", at) for at in (OLD, RECENT))
    with pytest.raises(LogMissing):
        pruning.run(PruneSettings(log_url=url, output_dir=tmp_path))
    assert old.exists()
    with pytest.raises(LogMissing):
        pruning.run(PruneSettings(log_url=url, output_dir=tmp_path, keep_runs="30d"))
    assert (old.exists(), recent.exists()) == (False, True)


def test_without_a_log_nothing_is_done(tmp_path: Path) -> None:
    with pytest.raises(LogMissing):
        prune(f"sqlite:///{tmp_path / 'none.db'}")
