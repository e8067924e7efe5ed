"""Old weeks of the log are written to Parquet files before they are deleted; what is in no file stays."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from models.customer import tables
from models.customer.errors import TableUnreadable
from models.customer.files import archive_columns
from models.features import CONTRACT
from models.log import log_tables, migrations, outcome_recording
from models.log.log_tables import CHALLENGER_PREDICTIONS, OUTCOMES, PREDICTIONS
from models.log.outcomes import Outcome
from models.log.partitions import upkeep
from models.log.partitions.weeks import Week
from monitoring import pruning
from monitoring.archive import archive_files, archiving, logged_rows
from monitoring.errors import ArchiveUnusable, LogChanged
from monitoring.log import customer_files
from monitoring.settings import PruneSettings
from tests import predictions

NOW = datetime.now(UTC)
LATER = Week.of(NOW).start - timedelta(weeks=20)
"""A Monday; the log was partitioned then."""
SAMPLE = {feature.name: feature.example for feature in CONTRACT.features}

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'log.db'}" if is_sqlite else request.getfixturevalue("postgres_url")
    opened = log_tables.connect(url, create=True)
    migrations.upgrade(opened)
    upkeep.keep(opened, LATER)
    yield opened
    opened.dispose()


def add(engine: Engine, at: datetime, rows: int, features: dict[str, Any] | None = SAMPLE) -> list[str]:
    ids = predictions.add(engine, at, rows=rows)
    with engine.begin() as connection:
        change = sa.update(PREDICTIONS).where(PREDICTIONS.c.prediction_id.in_(ids))
        connection.execute(change.values(features=features, customer_digest="0" * 32))
    return ids


def report(engine: Engine, ids: list[str], by: str = "crm", *, churned: bool = True) -> None:
    outcomes = [Outcome(prediction_id=identity, churned=churned, observed_at=NOW) for identity in ids]
    outcome_recording.record(engine, outcomes, reported_by=by)


def prune(engine: Engine, folder: Path, weeks: int = 18) -> str:
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    return pruning.run(PruneSettings(log_url=url, keep_days=7 * weeks, export=folder))


def left(engine: Engine, table: sa.Table = PREDICTIONS) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.select(table.c.prediction_id)))


def test_each_old_week_is_a_file_with_its_outcomes_and_is_deleted_as_a_whole(engine: Engine, tmp_path: Path) -> None:
    first, second = add(engine, LATER + timedelta(days=1), 3), add(engine, LATER + timedelta(days=8), 2)
    other = add(engine, LATER + timedelta(days=8), 1, {"of_an_earlier_contract": 1.5})
    kept = add(engine, LATER + timedelta(weeks=3), 2)
    report(engine, [first[0], second[0], kept[0]])
    report(engine, [first[0]], by="billing", churned=False)
    shadow = {"model_version": "v2", "churn_probability": 0.6, "churn_prediction": True, "risk_tier": "medium"}
    with engine.begin() as connection:
        connection.execute(sa.insert(CHALLENGER_PREDICTIONS), [{"prediction_id": second[1]} | shadow])
    told = prune(engine, tmp_path / "archive")

    assert "exported 6 predictions to 2 files" in told
    assert ("dropped 2 partitions; " in told) == (engine.dialect.name == "postgresql")
    assert "deleted 6 predictions, with their outcomes" in told
    assert (left(engine), left(engine, OUTCOMES)) == (set(kept), {kept[0]})
    names = [f"predictions-{LATER + timedelta(weeks=week):%Y-%m-%d}.parquet" for week in (0, 1)]
    assert sorted(path.name for path in (tmp_path / "archive").iterdir()) == names
    rows = {
        row["prediction_id"]: row for name in names for row in pq.read_table(tmp_path / "archive" / name).to_pylist()
    }
    assert set(rows) == {*first, *second, *other}
    assert [rows[one]["churned"] for one in (first[0], first[1], second[0])] == [
        None,
        None,
        True,
    ]  # the first is disputed
    assert '"reported_by": "billing"' in rows[first[0]]["all_outcomes"]
    assert {name: rows[first[0]][name] for name in CONTRACT.names} == SAMPLE
    assert rows[first[0]]["logged_features"] is None
    assert rows[other[0]]["logged_features"] == '{"of_an_earlier_contract": 1.5}'
    assert (rows[second[1]]["challenger_version"], rows[second[1]]["challenger_probability"]) == ("v2", 0.6)
    assert rows[first[0]]["made_at"] == LATER + timedelta(days=1)
    assert prune(engine, tmp_path / "archive").startswith("exported 0 predictions to 0 files")


def test_a_file_of_a_run_that_was_ended_while_it_deleted_is_used_again(engine: Engine, tmp_path: Path) -> None:
    ids = add(engine, LATER, 5)
    [archived] = archiving.export(engine, tmp_path, LATER + timedelta(weeks=1))
    written = archive_files.path_of(tmp_path, archived.week).read_bytes()
    with engine.begin() as connection:
        connection.execute(sa.delete(PREDICTIONS).where(PREDICTIONS.c.prediction_id.in_(ids[:2])))
    assert "exported 3 predictions to 1 files" in prune(engine, tmp_path)
    assert archive_files.path_of(tmp_path, archived.week).read_bytes() == written
    assert left(engine) == set()


def test_a_file_without_an_outcome_that_came_later_is_written_anew(engine: Engine, tmp_path: Path) -> None:
    ids = add(engine, LATER, 3)
    [archived] = archiving.export(engine, tmp_path, LATER + timedelta(weeks=1))
    report(engine, ids[:1])
    with pytest.raises(LogChanged, match=f"week from {LATER:%Y-%m-%d} on"), engine.connect() as connection:
        archiving.require_unchanged(connection, [archived], archived.week.ids)
    prune(engine, tmp_path)
    table = pq.read_table(archive_files.path_of(tmp_path, archived.week))
    assert sorted(table["churned"].to_pylist(), key=str) == [None, None, True]


def test_an_outcome_that_comes_while_a_week_is_exported_is_not_deleted(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, divide = add(engine, LATER, 3), archiving._chunks
    late = ids[:1]

    def chunks(*given: Any) -> Iterator[archiving.Chunk]:
        if late:
            report(engine, [late.pop()])
        return divide(*given)

    monkeypatch.setattr(archiving, "_chunks", chunks)
    with pytest.raises(LogChanged):
        prune(engine, tmp_path)
    assert (left(engine), left(engine, OUTCOMES)) == (set(ids), {ids[0]})
    assert "exported 3 predictions" in prune(engine, tmp_path)
    assert pq.read_table(tmp_path / f"predictions-{LATER:%Y-%m-%d}.parquet")["churned"].null_count == 2


@pytest.mark.parametrize("late_weeks", [0, 1])
def test_what_comes_between_two_transactions_of_a_deletion_stays(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_weeks: int
) -> None:
    early = LATER - timedelta(weeks=10)  # has no partition, so its rows are deleted one by one
    ids, late = sorted(add(engine, early, 6)), early + timedelta(weeks=late_weeks)
    come: list[str] = []

    def sleep(_: float) -> None:
        if not come and late_weeks:
            come.extend(add(engine, late, 1))
        elif not come:
            report(engine, ids[-1:])
            come.extend(ids[-1:])

    monkeypatch.setattr(pruning, "CHUNK_ROWS", 2)
    monkeypatch.setattr(time, "sleep", sleep)
    if late_weeks:  # a prediction of a week of which there is no file
        assert "deleted 6 predictions" in prune(engine, tmp_path)
        assert left(engine) == set(come)
        return
    with pytest.raises(LogChanged, match="what came then was not deleted"):
        prune(engine, tmp_path)
    assert (left(engine), left(engine, OUTCOMES)) == (set(ids[4:]), {ids[-1]})
    with pytest.raises(ArchiveUnusable, match="Move it to another folder"):
        prune(engine, tmp_path)
    (tmp_path / f"predictions-{early:%Y-%m-%d}.parquet").rename(tmp_path / "moved.parquet")
    prune(engine, tmp_path)
    assert left(engine) == set()


def test_a_prediction_that_comes_into_an_exported_week_stays_and_is_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, come = LATER - timedelta(weeks=10), set[str]()
    add(engine, early, 4)

    def sleep(_: float) -> None:
        if not come:
            come.update(add(engine, early, 1))

    monkeypatch.setattr(pruning, "CHUNK_ROWS", 2)
    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(LogChanged, match=f"week from {early:%Y-%m-%d} on"):
        prune(engine, tmp_path)
    assert left(engine) >= come
    assert come


def test_the_work_of_a_deletion_grows_like_the_rows_of_a_week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "CHUNK_ROWS", 10)
    monkeypatch.setattr(time, "sleep", lambda _: None)

    def work(rows: int) -> int:
        """Count the steps of SQLite's machine, in hundreds, while a week is pruned."""
        engine = log_tables.connect(f"sqlite:///{tmp_path / f'{rows}.db'}", create=True)
        migrations.upgrade(engine)
        report(engine, add(engine, LATER, rows))
        steps: list[None] = []
        sa.event.listen(
            Engine, "connect", watch := lambda opened, _: opened.set_progress_handler(lambda: steps.append(None), 100)
        )
        prune(engine, tmp_path / str(rows))
        sa.event.remove(Engine, "connect", watch)
        assert left(engine) == set()
        engine.dispose()
        return len(steps)

    fixed, few, many = (work(rows) for rows in (10, 400, 800))
    assert many - fixed < 2.2 * (few - fixed)


def test_a_file_with_other_rows_is_neither_replaced_nor_is_anything_deleted(engine: Engine, tmp_path: Path) -> None:
    ids = add(engine, LATER, 3)
    [archived] = archiving.export(engine, tmp_path, LATER + timedelta(weeks=1))
    path = archive_files.path_of(tmp_path, archived.week)
    with engine.begin() as connection:
        connection.execute(sa.delete(PREDICTIONS).where(PREDICTIONS.c.prediction_id == ids[0]))
    new = add(engine, LATER, 1)
    written = path.read_bytes()
    with pytest.raises(ArchiveUnusable, match=r"1 of its rows are not in the log, 1 rows .* Nothing was deleted"):
        prune(engine, tmp_path)
    assert (path.read_bytes(), left(engine)) == (written, {*ids[1:], *new})
    path.write_bytes(written[:-20])
    with pytest.raises(ArchiveUnusable, match="Move it to another folder"):
        prune(engine, tmp_path)
    assert left(engine) == {*ids[1:], *new}


def test_what_cannot_be_written_leaves_no_file_and_deletes_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add(engine, LATER, 3)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        with pytest.raises(ArchiveUnusable, match="No space left on device"):
            prune(engine, tmp_path / "archive")
    assert (left(engine), list((tmp_path / "archive").iterdir())) == (set(ids), [])


def test_a_file_that_was_not_written_as_it_should_be_is_noticed(tmp_path: Path) -> None:
    columns = pa.schema([("prediction_id", pa.string()), ("x", pa.int64())])
    rows = [
        pa.table({"prediction_id": list(ids), "x": list(map(ord, ids))}, schema=columns) for ids in ("ab", "cd", "e")
    ]
    path = tmp_path / "some.parquet"

    def differences(*written: pa.Table) -> archive_files.Differences:
        archive_files.write(path, columns, written)
        return archive_files.compare(path, columns, rows, key="prediction_id")

    assert differences(*rows) == archive_files.Differences()
    assert differences(pa.concat_tables(rows)) == archive_files.Differences()
    assert differences(*rows[:2]) == archive_files.Differences(only_in_log=1)
    assert differences(rows[0], rows[2]) == archive_files.Differences(only_in_log=2)
    changed = pa.table({"prediction_id": ["c", "d"], "x": [1, ord("d")]}, schema=columns)
    extra = pa.table({"prediction_id": ["f"], "x": [1]}, schema=columns)
    assert differences(rows[0], changed, rows[2], extra) == archive_files.Differences(only_in_file=1, changed=1)


def test_without_a_file_whole_weeks_are_dropped_and_younger_rows_stay(engine: Engine) -> None:
    add(engine, LATER + timedelta(days=6), 4)
    kept = add(engine, LATER + timedelta(days=7), 2)
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    days = (NOW - LATER).days - 7
    told = pruning.run(PruneSettings(log_url=url, keep_days=days - 1))
    dropped = "dropped 1 partitions; " if engine.dialect.name == "postgresql" else ""
    assert told.startswith(f"{dropped}deleted {4 if dropped else 6} predictions")
    assert left(engine) == (set(kept) if dropped else set())


@pytest.mark.parametrize("older", [0, 1])
def test_a_week_exported_before_treatments_is_read_together_with_a_new_one(tmp_path: Path, older: int) -> None:
    engine, folder = log_tables.connect(f"sqlite:///{tmp_path / 'log.db'}", create=True), tmp_path / "archive"
    migrations.upgrade(engine)
    ids = [add(engine, LATER + timedelta(days=1), 3), add(engine, LATER + timedelta(days=8), 2)]
    with engine.begin() as connection:
        connection.execute(sa.update(PREDICTIONS).values(held_out=True))
    prune(engine, folder)
    engine.dispose()
    old, new = (folder / f"predictions-{LATER + timedelta(weeks=week):%Y-%m-%d}.parquet" for week in (older, 1 - older))
    pq.write_table(pq.read_table(old).drop_columns(list(archive_columns.GAINED)), old)

    assert tables.read(folder).schema == logged_rows.schema(CONTRACT) == pq.read_schema(new)
    drawn = {row["prediction_id"]: row["held_out"] for row in tables.read(folder).to_pylist()}
    assert drawn == dict.fromkeys(ids[older], None) | dict.fromkeys(ids[1 - older], True)
    parts = [
        chunk.table
        for piece in tables.pieces(folder, rows=2)
        for chunk in tables.chunks(folder, piece=piece, columns=["held_out", "prediction_id", CONTRACT.names[0]])
    ]
    assert {row["prediction_id"]: row["held_out"] for row in pa.concat_tables(parts).to_pylist()} == drawn
    rows, count = customer_files.read(folder, CONTRACT, rows=10)
    assert (count, rows.isna().sum().sum()) == (5, 0)

    pq.write_table(pq.read_table(old).drop_columns(["recorded_at"]), old)
    with pytest.raises(TableUnreadable, match="it has other columns than"):
        tables.read(folder)


def test_a_feature_with_the_name_of_a_column_of_the_log_is_never_read_as_null() -> None:
    gained = ["held_out", "log_offer", "offered_at", "offer_reported_by"]
    assert archive_columns.lacks(["prediction_id", "offer"], ["prediction_id", *gained, "offer"])
    assert not archive_columns.lacks(["prediction_id"], ["prediction_id", *gained, "offer"])
    assert not archive_columns.lacks(["prediction_id", "age"], ["prediction_id", *archive_columns.GAINED, "tenure"])
