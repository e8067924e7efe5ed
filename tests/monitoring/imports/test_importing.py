"""A file of outcomes is recorded in the log, and its invalid rows are rejected."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from models.columns.errors import ColumnMissing
from models.customer.errors import ColumnRepeated
from models.log import log_tables, migrations, row_ids
from models.log.errors import LogMissing, LogUnreadable
from monitoring.errors import NothingRecorded, RejectedUnwritable, ReportsUnreadable
from monitoring.imports import importing, report_files
from monitoring.imports.report_kinds import OUTCOMES
from monitoring.settings import ImportOutcomesSettings
from tests import predictions
from tests.object_store import ObjectStore

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN, SEEN_AT = "2026-06-01T08:30:00+02:00", datetime(2026, 6, 1, 6, 30, tzinfo=UTC)
UNKNOWN = row_ids.first_id(MADE_AT)
HEADER = "prediction_id,churned,observed_at"

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'log.db'}" if sqlite else request.getfixturevalue("postgres_url")
    opened = log_tables.connect(url, create=True)
    migrations.upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def import_file(engine: Engine) -> Callable[[Path], str]:
    """Import a file into the log, and return what is told."""
    return lambda path: importing.run(
        ImportOutcomesSettings(file=path, log_url=engine.url.render_as_string()), OUTCOMES
    )


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def recorded(engine: Engine) -> dict[str, tuple[bool, datetime]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(log_tables.OUTCOMES))
        return {row.prediction_id: (row.churned, row.observed_at) for row in rows}


def rejected(path: Path) -> list[dict[str, str]]:
    with path.with_suffix(".rejected.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_can_be_recorded_is_and_the_rest_is_set_aside_with_its_reasons(
    engine: Engine, import_file: Callable[[Path], str], tmp_path: Path
) -> None:
    ids = predictions.add(engine, MADE_AT, rows=5)
    path = write(
        tmp_path / "seen.csv",
        f"{ids[0]},yes,{SEEN}",
        f"{UNKNOWN},yes,{SEEN}",
        f"{ids[1]},perhaps,soon",
        f" {ids[2]} ,0, 2026-06-01 ",
        f"{ids[0]},no,{SEEN}",
        f"{ids[3]},yes",
        f"{ids[2]},FALSE,{SEEN}",
        f"{ids[4]},1,2025-01-01",
    )
    told = import_file(path).splitlines()

    assert recorded(engine) == {ids[0]: (True, SEEN_AT), ids[2]: (False, datetime(2026, 6, 1, tzinfo=UTC))}
    assert [(row["row"], row["prediction_id"]) for row in rejected(path)] == [
        ("2", UNKNOWN),
        ("3", ids[1]),
        ("5", ids[0]),
        ("6", ids[3]),
        ("8", ids[4]),
    ]
    reasons = [row["reasons"] for row in rejected(path)]
    assert reasons[0] == "no such prediction"
    assert [part.partition(":")[0] for part in reasons[1].split("; ")] == ["churned", "observed_at"]
    assert reasons[2] == "another outcome is known from the same reporter"
    assert reasons[3] == "another number of cells than the header"
    assert reasons[4] == "observed_at: Input should not be before the time of the prediction"
    assert told[0] == "recorded 2 outcomes of 8 rows; 1 were already recorded"
    assert told[1] == f"rejected 5 rows; the reasons are in {tmp_path / 'seen.rejected.csv'}"
    assert "  no such prediction: 1" in told


def test_days_are_read_as_databases_and_spreadsheets_write_them(
    engine: Engine, import_file: Callable[[Path], str], tmp_path: Path
) -> None:
    ids = predictions.add(engine, MADE_AT, rows=5)
    days = ["20260601", "2026-06-01 10:00 UTC", "2026-06", "1780308000", "46174"]
    path = write(tmp_path / "seen.csv", *(f"{one},1,{day}" for one, day in zip(ids, days, strict=True)))
    told = import_file(path).splitlines()

    midnight, at_ten = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, 10, tzinfo=UTC)
    seen = [at for _, at in map(recorded(engine).__getitem__, ids[:4])]
    assert seen == [midnight, at_ten, midnight, at_ten]
    understood = "this number was understood as Excel's days"
    assert told[2] == f"  observed_at: Input should be a time as 2026-11-29T10:00Z; {understood}: 1"


def test_importing_again_changes_nothing_and_leaves_no_old_rejects(
    engine: Engine, import_file: Callable[[Path], str], tmp_path: Path
) -> None:
    [identity] = predictions.add(engine, MADE_AT, rows=1)
    path = tmp_path / "seen.csv"
    import_file(write(path, f"{identity},yes,{SEEN}", f"{UNKNOWN},yes,{SEEN}"))
    assert len(rejected(path)) == 1
    told = import_file(write(path, f"{identity},yes,2026-07-01"))

    assert told == "recorded 0 outcomes of 1 rows; 1 were already recorded"
    assert recorded(engine) == {identity: (True, SEEN_AT)}
    assert sorted(found.name for found in tmp_path.glob("seen*")) == ["seen.csv"]


def test_a_file_has_a_reporter_of_its_own_and_names_whom_it_contradicts(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    url, path = engine.url.render_as_string(), write(tmp_path / "seen.csv", f"{one},yes,{SEEN}", f"{other},no,{SEEN}")
    importing.run(ImportOutcomesSettings(file=path, log_url=url), OUTCOMES)
    write(path, f"{one},no,{SEEN}", f"{other},no,{SEEN}")
    told = importing.run(ImportOutcomesSettings(file=path, log_url=url, reported_by="crm"), OUTCOMES).splitlines()

    assert told == [
        "recorded 2 outcomes of 2 rows; 0 were already recorded",
        "1 of them contradict another reporter; the log lines above name them",
    ]
    assert caplog.messages == [f"{one}: crm reports stayed, against import"]
    with engine.connect() as connection:
        rows = connection.execute(sa.select(log_tables.OUTCOMES)).all()
    assert {(row.prediction_id, row.reported_by): row.churned for row in rows} == {
        (one, "import"): True,
        (other, "import"): False,
        (one, "crm"): False,
        (other, "crm"): False,
    }


def test_rejected_rows_can_be_corrected_and_imported_themselves(
    engine: Engine, import_file: Callable[[Path], str], tmp_path: Path
) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    import_file(write(tmp_path / "seen.csv", f"{one},no,{SEEN}", f"{other},gone,{SEEN}"))
    aside = tmp_path / "seen.rejected.csv"
    aside.write_text(aside.read_text().replace("gone", "yes"))

    assert import_file(aside).startswith("recorded 1 outcomes of 1 rows")
    assert recorded(engine) == {one: (False, SEEN_AT), other: (True, SEEN_AT)}


@pytest.mark.parametrize(
    ("churned", "observed_at"),
    [
        ([True, False], [SEEN_AT, SEEN_AT.astimezone(timezone(timedelta(hours=9)))]),
        ([1.0, 0.0], [SEEN_AT.replace(tzinfo=None)] * 2),
        (["yes", "no"], [SEEN, SEEN]),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_values_are_read_as_tables_have_them(
    engine: Engine,
    import_file: Callable[[Path], str],
    tmp_path: Path,
    churned: list[Any],
    observed_at: list[Any],
    suffix: str,
) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    path = tmp_path / f"seen{suffix}"
    table = pd.DataFrame(
        {"prediction_id": [one, other], "note": "", "churned": churned, "observed_at": observed_at}, dtype=object
    ).infer_objects()
    table.to_csv(path) if suffix == ".csv" else table.to_parquet(path)
    import_file(path)

    assert recorded(engine) == {one: (True, SEEN_AT), other: (False, SEEN_AT)}


def test_results_do_not_depend_on_where_chunks_begin(
    engine: Engine, import_file: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_files.chunks, "__kwdefaults__", {"rows": 2})
    one, other = predictions.add(engine, MADE_AT, rows=2)
    rows = [f"{one},yes,{SEEN}", f"{one},no,{SEEN}", f"{one},no,{SEEN}", f"{other},no,{SEEN}", f"{one},yes,{SEEN}"]
    path = write(tmp_path / "seen.csv", *rows)

    assert import_file(path).startswith("recorded 2 outcomes of 5 rows; 1 were already recorded")
    assert [row["row"] for row in rejected(path)] == ["2", "3"]
    assert {identity: churned for identity, (churned, _) in recorded(engine).items()} == {one: True, other: False}


def test_a_file_without_a_row_that_can_be_used_is_not_done(import_file: Callable[[Path], str], tmp_path: Path) -> None:
    path = write(tmp_path / "seen.csv", f"{UNKNOWN},yes,{SEEN}")
    with pytest.raises(NothingRecorded, match=r"none of 1 rows .* --log-url\.$"):
        import_file(path)
    assert rejected(path)[0]["reasons"] == "no such prediction"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.csv", None, "no such file"),
        ("seen.xls", b"", "not a known kind of file"),
        ("seen.csv", b"", "it is empty"),
        ("seen.csv", HEADER.encode(), "no rows"),
        ("seen.csv", HEADER.encode() + b'\n"a"b,1,2', "expected after"),
        ("seen.csv", HEADER.encode() + b"\n\xff,1,2", "byte 0xff is not in the encoding"),
        ("seen.parquet", b"PAR", "Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_done_and_leaves_nothing(
    import_file: Callable[[Path], str], tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReportsUnreadable, match=rf"{name}: .*{problem}.*\. (Give|Check|Add) .*\.$"):
        import_file(path)
    assert [found.name for found in tmp_path.glob("*.rejected.*")] == []


@pytest.mark.parametrize(
    ("header", "kind", "problem"),
    [
        ("prediction_id,left", ColumnMissing, 'no column "churned", "observed_at"'),
        ("prediction_id,churned,churned,observed_at", ColumnRepeated, "column churned twice"),
    ],
)
def test_a_file_without_a_column_or_with_one_twice_is_refused(
    import_file: Callable[[Path], str], tmp_path: Path, header: str, kind: type[Exception], problem: str
) -> None:
    (tmp_path / "seen.csv").write_text(f"{header}\n")
    with pytest.raises(kind, match=problem):
        import_file(tmp_path / "seen.csv")
    assert [found.name for found in tmp_path.glob("*.rejected.*")] == []


def test_rows_that_cannot_be_set_aside_are_said(
    engine: Engine, import_file: Callable[[Path], str], tmp_path: Path
) -> None:
    [identity] = predictions.add(engine, MADE_AT, rows=1)
    path = write(tmp_path / "seen.csv", f"{identity},yes,{SEEN}")
    (tmp_path / "seen.rejected.csv").mkdir()
    with pytest.raises(RejectedUnwritable, match=r"seen\.rejected\.csv: Is a directory"):
        import_file(path)
    assert sorted(found.name for found in tmp_path.glob("*seen*")) == ["seen.csv", "seen.rejected.csv"]


def test_without_a_log_nothing_is_done(tmp_path: Path) -> None:
    path = write(tmp_path / "seen.csv", f"{UNKNOWN},yes,{SEEN}")
    with pytest.raises(LogMissing):
        importing.run(ImportOutcomesSettings(file=path, log_url=f"sqlite:///{tmp_path / 'none.db'}"), OUTCOMES)
    (tmp_path / "empty.db").touch()
    with pytest.raises(LogUnreadable, match="no such table"):
        importing.run(ImportOutcomesSettings(file=path, log_url=f"sqlite:///{tmp_path / 'empty.db'}"), OUTCOMES)


def test_a_file_in_an_object_store_is_recorded_and_its_rejected_rows_lie_beside_it(
    engine: Engine, lake: ObjectStore, tmp_path: Path
) -> None:
    [known] = predictions.add(engine, MADE_AT, rows=1)
    lake.put(write(tmp_path / "seen.csv", f"{known},yes,{SEEN}", f"{UNKNOWN},yes,{SEEN}"), "in/seen.csv")
    url = engine.url.render_as_string()
    settings = ImportOutcomesSettings.model_validate({"file": "s3://lake/in/seen.csv", "log_url": url})
    assert "the reasons are in s3://lake/in/seen.rejected.csv" in importing.run(settings, OUTCOMES)
    assert recorded(engine) == {known: (True, SEEN_AT)}
    assert UNKNOWN in lake.content("in")["seen.rejected.csv"].decode()
    lake.put(write(tmp_path / "seen.csv", f"{known},yes,{SEEN}"), "in/seen.csv")
    importing.run(settings, OUTCOMES)
    assert lake.content("in").keys() == {"seen.csv"}
