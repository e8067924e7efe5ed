"""PostgreSQL: the log's tables are partitioned by week, also those of a log from before, and no row is lost."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from models.log import log_tables, migrations, outcome_recording
from models.log.errors import LogBusy, LogNotPartitioned
from models.log.log_tables import CHALLENGER_PREDICTIONS, OUTCOMES, PREDICTIONS
from models.log.outcomes import Outcome
from models.log.partitions import catalogue, locking, sets, strays, upkeep
from models.log.partitions.strays import Health
from models.log.partitions.weeks import Week
from tests import predictions, waiting

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=100)

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """A log as the version before made it, without partitions."""
    opened = log_tables.connect(postgres_url)
    migrations.upgrade(opened)
    yield opened
    opened.dispose()


def report(engine: Engine, ids: list[str]) -> None:
    outcomes = [Outcome(prediction_id=identity, churned=True, observed_at=NOW) for identity in ids]
    outcome_recording.record(engine, outcomes, reported_by="crm")


def shadow(engine: Engine, ids: list[str]) -> None:
    said = {"model_version": "v2", "churn_probability": 0.6, "churn_prediction": True, "risk_tier": "medium"}
    with engine.begin() as connection:
        connection.execute(sa.insert(CHALLENGER_PREDICTIONS), [{"prediction_id": one} | said for one in ids])


def places(engine: Engine, table: sa.Table) -> dict[str, str]:
    """Return the partition in which each row is."""
    with engine.connect() as connection:
        place = sa.literal_column("tableoid::regclass::text", sa.Text)
        return {row[0]: row[1] for row in connection.execute(sa.select(catalogue.key(table), place))}


def suffixes(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [one.suffix for one in catalogue.partition_sets(connection)]


def test_the_partitions_of_a_new_log_are_this_week_and_the_next_four(engine: Engine) -> None:
    assert upkeep.keep(engine, NOW)
    assert suffixes(engine) == [Week.of(NOW).later(number).name for number in range(5)]
    assert not upkeep.keep(engine, NOW)
    [made] = predictions.add(engine, NOW, rows=1)
    report(engine, [made])
    assert places(engine, OUTCOMES) == {made: f"outcomes_{Week.of(NOW).name}"}


def test_rows_from_before_stay_where_they_are_and_are_written_to_meanwhile(engine: Engine) -> None:
    old = predictions.add(engine, LONG_AGO, rows=300)
    report(engine, old[:100])
    shadow(engine, old)
    written: list[str] = []
    end = threading.Event()

    def write() -> None:  # as an instance of the version before, whose connection stays open
        while not end.is_set():
            ids = predictions.add(engine, NOW, rows=2)
            report(engine, ids[:1])
            written.extend(ids)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert upkeep.keep(engine, NOW)
    finally:
        end.set()
        writer.join()
    later = predictions.add(engine, NOW + timedelta(weeks=4), rows=1)
    found = places(engine, PREDICTIONS)
    assert set(found) == {*old, *written, *later}
    assert {found[one] for one in [*old, *written]} == {"predictions_before"}
    assert found[later[0]] == f"predictions_{Week.of(NOW).later(4).name}"
    assert set(places(engine, OUTCOMES)) == {*old[:100], *written[::2]}
    assert set(places(engine, CHALLENGER_PREDICTIONS)) == set(old)
    assert suffixes(engine) == ["before", *(Week.of(NOW).later(number).name for number in (3, 4))]
    with engine.begin() as connection:
        connection.execute(sa.delete(PREDICTIONS).where(PREDICTIONS.c.prediction_id.in_(old)))
    assert set(places(engine, OUTCOMES)) == set(written[::2])


def test_the_version_before_finds_the_revision_that_it_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    upkeep.keep(engine, NOW)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == before
    assert not migrations.upgrade(engine)


def test_rows_for_which_there_was_no_partition_are_kept_and_moved_to_theirs(engine: Engine) -> None:
    upkeep.keep(engine, NOW)
    late = NOW + timedelta(weeks=6)
    ids, others = predictions.add(engine, late, rows=3), predictions.add(engine, LONG_AGO, rows=2)
    shadow(engine, ids)
    with engine.begin() as connection:  # the time of an observation may not be in the future
        same = {"reported_by": "crm", "churned": True, "observed_at": late, "recorded_at": late}
        values = [{"prediction_id": one} | same for one in ids[:2]]
        connection.execute(sa.insert(OUTCOMES), values)
    assert set(places(engine, PREDICTIONS).values()) == {"predictions_default"}
    assert upkeep.keep(engine, late)
    week = Week.of(late).name
    assert places(engine, PREDICTIONS) == {
        **dict.fromkeys(ids, f"predictions_{week}"),
        **dict.fromkeys(others, "predictions_default"),
    }
    assert places(engine, OUTCOMES) == dict.fromkeys(ids[:2], f"outcomes_{week}")
    assert places(engine, CHALLENGER_PREDICTIONS) == dict.fromkeys(ids, f"challenger_predictions_{week}")


def test_rows_of_weeks_that_are_over_are_moved_to_partitions_of_their_own_while_others_are_written(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    upkeep.keep(engine, NOW)
    weeks = [Week.of(LONG_AGO), Week.of(LONG_AGO).later(2)]
    ids = [
        predictions.add(engine, week.start + timedelta(days=1), rows=rows)
        for week, rows in zip(weeks, (3, 2), strict=True)
    ]
    far = predictions.add(engine, NOW + timedelta(days=500), rows=1)
    report(engine, [ids[0][0], ids[1][0]])
    shadow(engine, ids[0])
    with engine.connect() as connection:
        assert strays.health(connection, NOW) == Health(partition_weeks=5, default_rows=3 + 2 + 1 + 2 + 3)
    assert strays.place(engine, NOW, most_rows=10) == 0
    assert "more than 10 rows are in the default partitions" in caplog.text
    assert "`python -m monitoring migrate`" in caplog.text
    written: list[str] = []
    end = threading.Event()

    def write() -> None:
        while not end.is_set():
            written.extend(predictions.add(engine, NOW, rows=1))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert strays.place(engine, NOW, most_rows=1_000) == 2
    finally:
        end.set()
        writer.join()
    expected = {one: f"predictions_{week.name}" for week, some in zip(weeks, ids, strict=True) for one in some}
    now = dict.fromkeys(written, f"predictions_{Week.of(NOW).name}")
    assert places(engine, PREDICTIONS) == expected | now | dict.fromkeys(far, "predictions_default")
    assert places(engine, OUTCOMES) == {one[0]: f"outcomes_{week.name}" for week, one in zip(weeks, ids, strict=True)}
    assert set(places(engine, CHALLENGER_PREDICTIONS).values()) == {f"challenger_predictions_{weeks[0].name}"}
    late = predictions.add(engine, weeks[0].start, rows=1)
    assert places(engine, PREDICTIONS)[late[0]] == f"predictions_{weeks[0].name}"
    assert strays.place(engine, NOW) == 0


def test_a_conversion_that_was_killed_goes_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    old = predictions.add(engine, LONG_AGO, rows=5)
    rows = locking.briefly
    calls: list[Any] = []

    def dies(*given: Any, tries: int) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rows(*given, tries=tries)

    with monkeypatch.context() as patched:
        patched.setattr(locking, "briefly", dies)
        with pytest.raises(KeyboardInterrupt):
            upkeep.keep(engine, NOW)
    new = predictions.add(engine, NOW + timedelta(days=13), rows=1)
    assert upkeep.keep(engine, NOW)
    assert set(places(engine, PREDICTIONS)) == {*old, *new}


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_view_made_meanwhile_stops_it_and_no_row_is_refused_ever(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, *, is_killed: bool
) -> None:
    old, rows = predictions.add(engine, LONG_AGO, rows=1), locking.briefly
    calls: list[Any] = []

    def sees(*given: Any, tries: int) -> Any:
        calls.append(given)
        if len(calls) == 2:
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE VIEW seen AS SELECT churned FROM outcomes")
            if is_killed:
                raise KeyboardInterrupt
        return rows(*given, tries=tries)

    monkeypatch.setattr(locking, "briefly", sees)
    with pytest.raises(KeyboardInterrupt if is_killed else LogNotPartitioned):
        upkeep.keep(engine, NOW)
    with pytest.raises(LogNotPartitioned, match="seen refers to them"):
        upkeep.keep(engine, NOW)
    late = predictions.add(engine, NOW + timedelta(weeks=9), rows=1)
    assert set(places(engine, PREDICTIONS).items()) == {(one, "predictions") for one in [*old, *late]}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE POLICY own ON outcomes USING (churned)", "they have the policy own of outcomes"),
        ("ALTER TABLE predictions ENABLE ROW LEVEL SECURITY", "they have the row-level security of predictions"),
        (
            "CREATE TRIGGER told AFTER INSERT ON traffic EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "they have the trigger told of traffic",
        ),
    ],
    ids=["policy", "row-level security", "trigger"],
)
def test_what_partitioned_tables_would_lack_is_named_and_nothing_is_changed(
    engine: Engine, made: str, said: str
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(made)
    with pytest.raises(LogNotPartitioned, match=said):
        upkeep.keep(engine, NOW)
    with engine.connect() as connection:
        assert catalogue.state(connection) == "whole"


def test_rights_to_columns_are_those_of_before(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("GRANT SELECT (prediction_id, made_at) ON predictions TO pg_monitor")
    upkeep.keep(engine, NOW)
    asked = "SELECT has_column_privilege('pg_monitor', 'predictions', %s, 'SELECT')"
    with engine.connect() as connection:
        rights = {name: connection.exec_driver_sql(asked, (name,)).scalar() for name in dict(PREDICTIONS.columns)}
    assert [name for name, has in rights.items() if has] == ["prediction_id", "made_at"]


def test_while_another_changes_the_tables_nobody_waits_without_limit(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "WAIT_SECONDS", 1)
    with engine.begin() as other:
        locking.claim(other)
        assert not upkeep.keep(engine, NOW)
        monkeypatch.setattr(MigrationContext, "get_current_revision", lambda _: "0003")
        with pytest.raises(LogBusy, match="has been changing the tables of this prediction log for 1 seconds"):
            migrations.upgrade(engine)
    assert upkeep.keep(engine, NOW)


def test_an_outcome_of_a_row_that_is_being_moved_waits_and_is_recorded(engine: Engine) -> None:
    upkeep.keep(engine, NOW)
    ids = predictions.add(engine, LONG_AGO, rows=2)
    problems: list[Exception] = []

    def reports() -> None:
        try:
            report(engine, ids)
        except Exception as error:  # noqa: BLE001  # it is compared below
            problems.append(error)

    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    thread = threading.Thread(target=reports)
    with engine.connect() as connection:
        sets.create_week(connection, Week.of(LONG_AGO))
        thread.start()
        # Within one transaction, PostgreSQL shows the activities of its beginning.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            waiting.wait_until(lambda: watching.exec_driver_sql(waits).scalar_one() or not thread.is_alive())
        connection.commit()
    thread.join()
    assert problems == []
    assert places(engine, OUTCOMES) == dict.fromkeys(ids, f"outcomes_{Week.of(LONG_AGO).name}")


@pytest.fixture
def service(engine: Engine) -> Iterator[Engine]:
    """The engine of a user who may read and insert, as of the service where the jobs own the tables."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "DROP OWNED BY writer; DROP ROLE writer"
            if connection.scalar(sa.text("SELECT count(*) FROM pg_roles WHERE rolname = 'writer'"))
            else "SELECT 1"
        )
        connection.exec_driver_sql("CREATE ROLE writer LOGIN")
        connection.exec_driver_sql("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO writer")
    opened = log_tables.connect(engine.url.set(username="writer").render_as_string())
    yield opened
    opened.dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY writer; DROP ROLE writer")


def test_who_may_only_insert_says_what_is_missing_and_writes_all_the_same(engine: Engine, service: Engine) -> None:
    with pytest.raises(LogNotPartitioned, match="does not own them"):
        upkeep.keep(service, NOW)
    before = predictions.add(service, LONG_AGO, rows=1)
    upkeep.keep(engine, NOW)
    assert not upkeep.keep(service, NOW)
    assert not upkeep.keep(service, NOW + timedelta(weeks=2))  # the week after that one has its partition
    with pytest.raises(LogNotPartitioned, match="have no partition, and their rows go to the default partitions"):
        upkeep.keep(service, NOW + timedelta(weeks=5))
    after = predictions.add(service, NOW + timedelta(weeks=9), rows=1)
    with service.connect() as connection:
        assert strays.health(connection, NOW + timedelta(weeks=4)) == Health(partition_weeks=1, default_rows=1)
    with pytest.raises(
        LogNotPartitioned, match=f"the week of {Week.of(NOW).later(9).name} are in the default partitions"
    ):
        strays.place(service, NOW)
    report(service, before)
    assert set(places(service, PREDICTIONS)) == {*before, *after}


def test_a_view_of_others_is_named_and_nothing_is_changed(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW seen AS SELECT churned FROM outcomes")
    with pytest.raises(LogNotPartitioned, match=r"seen refers to them.*Drop it"):
        upkeep.keep(engine, NOW)
    with engine.connect() as connection:
        assert catalogue.state(connection) == "whole"


def test_a_window_reads_the_partitions_of_its_weeks(engine: Engine) -> None:
    upkeep.keep(engine, NOW)
    first, end = Week.of(NOW).later(1).ids
    query = "EXPLAIN SELECT count(*) FROM predictions WHERE prediction_id >= %s AND prediction_id < %s"
    with engine.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(query, (first, end)).scalars())
        assert f"predictions_{Week.of(NOW).later(1).name}" in plan
        assert "default" not in plan
        assert plan.count("on predictions_") == 1
