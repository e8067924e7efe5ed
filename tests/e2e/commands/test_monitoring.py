"""Every option of `python -m monitoring`, each run once as a user runs it, with what it changes."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from demo.populations import CALM, SHIFTED
from demo.running_service import free_port
from models.log import log_tables
from monitoring.__main__ import COMMANDS
from monitoring.settings import DriftSettings, PruneSettings
from tests import live_log
from tests.e2e.commands.programs import LOOPBACK, Ended, Program, fetched, require_all, unused
from tests.waiting import wait_until

pytestmark = [pytest.mark.shipped, pytest.mark.shipped_model, pytest.mark.slow]

NOW = live_log.NOW


@pytest.fixture(scope="module")
def monitoring(root: Path) -> Program:
    return Program("monitoring", root)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a prediction log that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'predictions.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'predictions.db'}"


def record_of(run: Ended) -> dict[str, Any]:
    """Read the record that a run names at its end."""
    found = re.search(r"^record: (.+)$", run.out, re.MULTILINE)
    assert found
    record: dict[str, Any] = json.loads(Path(found[1]).read_text())
    return record


def window(first: float, last: float) -> tuple[str, ...]:
    """Ask for the time from so many days ago to so many days ago."""
    begin, end = ((NOW - timedelta(days=days)).isoformat() for days in (first, last))
    return ("--from", begin, "--to", end)


def test_drift_looks_at_the_log_and_the_time_it_was_told(
    monitoring: Program, keep: Callable[..., list[str]], shelf: Path, sqlite_url: str, tmp_path: Path
) -> None:
    keep(sqlite_url, CALM, 300, days_ago=0.5)
    keep(sqlite_url, SHIFTED, 1_200, days_ago=10)
    folders = ("--log-url", sqlite_url, "--models-dir", shelf, "--output-dir", tmp_path / "var")
    then = window(11, 9)
    found = record_of(monitoring.run("drift", *then, "--sample-rows", 1_000, *folders, exit_code=1))
    assert (found["from"], found["to"]) == (then[1], then[3])
    assert (found["window_rows"], found["judged_rows"], found["reference_rows"]) == (1_200, 1_000, 1_000)
    assert [path.parent for path in tmp_path.rglob("*-drift.json")] == [tmp_path / "var" / "reports"]


@pytest.mark.postgres
def test_both_jobs_look_at_a_log_in_postgresql(
    monitoring: Program, keep: Callable[..., list[str]], shelf: Path, postgres_url: str, tmp_path: Path
) -> None:
    keep(postgres_url, CALM, 600, days_ago=1)
    keep(postgres_url, SHIFTED, 300, days_ago=10)
    flags = ("--since", "36h", "--log-url", postgres_url, "--models-dir", shelf, "--output-dir", tmp_path / "var")
    calm, good = (record_of(monitoring.run(job, *flags)) for job in ("drift", "performance"))
    assert (calm["window_rows"], calm["verdict"]) == (600, "no drift")
    assert (good["outcomes_rows"], good["verdict"]) == (600, "as good as promised")


def test_drift_is_judged_by_the_limits_that_were_given(monitoring: Program, shelf: Path, tmp_path: Path) -> None:
    live = tmp_path / "live.parquet"
    customers = pd.DataFrame([customer.features for customer in CALM.customers(800, seed=5)])
    customers.assign(total_charges=customers["total_charges"] * 1.25).to_parquet(live)
    flags = ("--live", live, "--models-dir", shelf, "--output-dir", tmp_path / "var")

    def judge(*options: object, exit_code: int = 0) -> tuple[float, dict[str, float]]:
        record = record_of(monitoring.run("drift", *options, *flags, exit_code=exit_code))
        assert (record["live"], record["judged_rows"]) == (str(live), 800)
        return record["drift_share"], {column["name"]: column["limit"] for column in record["columns"]}

    share, usual = judge()
    assert 0.001 < share < 0.1
    _, bold = judge("--min-drift-share", 0.001, "--false-alarm-rate", 0.4, exit_code=1)
    assert all(bold[column] <= limit for column, limit in usual.items())
    assert bold["churn_probability"] < usual["churn_probability"]
    share, blind = judge("--min-distance", 0.9)
    assert (share, set(blind.values())) == (0, {0.9})


def test_performance_is_judged_by_the_limits_that_were_given(
    monitoring: Program, keep: Callable[..., list[str]], shelf: Path, sqlite_url: str, tmp_path: Path
) -> None:
    keep(sqlite_url, SHIFTED, 150, days_ago=50)
    keep(sqlite_url, CALM, 60, days_ago=1)
    flags = ("--log-url", sqlite_url, "--models-dir", shelf, "--output-dir", tmp_path / "var", "--min-rows", 100)

    def judge(*options: object, exit_code: int) -> list[float]:
        record = record_of(monitoring.run("performance", *options, *flags, exit_code=exit_code))
        rows = 150 if "--from" in options else 210  # 150 are fewer than can tell by default
        assert record["outcomes_rows"] == rows
        return [check["limit"] for check in record["checks"]]

    then = window(51, 49)
    usual, bold = judge(*then, exit_code=1), judge(*then, "--false-alarm-rate", 0.5, exit_code=1)
    assert [one < other for one, other in zip(bold, usual, strict=True)] == [True, True]
    patient = judge("--since", "60d", "--min-fall", 0.9, "--min-calibration-error", 0.8, exit_code=0)
    assert patient == [0.9, 0.8]


def test_a_review_is_kept_and_an_old_run_is_removed(
    monitoring: Program, keep: Callable[..., list[str]], shelf: Path, sqlite_url: str, tmp_path: Path
) -> None:
    output, url = ("--output-dir", tmp_path / "var"), ("--log-url", sqlite_url)
    keep(sqlite_url, CALM, 150, days_ago=1)
    calm = record_of(monitoring.run("drift", "--since", "36h", "--min-rows", 100, *url, "--models-dir", shelf, *output))
    assert calm["judged_rows"] == 150  # fewer than can tell by default
    monitoring.run("review", "latest", "--decision", "retrain", "--by", "ann", "--why", "prices rose", *output)
    [record] = (tmp_path / "var" / "reports").glob("*.json")
    [review] = json.loads(record.read_text())["reviews"]
    assert (review["decision"], review["by"], review["why"]) == ("retrain", "ann", "prices rose")
    old = record.with_name(f"20200101T000000.000000Z-{record.stem.partition('Z-')[2]}.json")
    old.write_bytes(record.read_bytes())
    assert "removed 1 runs; deleted 0 " in monitoring.run("prune", *url, "--keep-runs", "1h", *output).out
    assert list(record.parent.glob("*.json")) == [record]


def test_a_log_is_made_takes_outcomes_of_a_file_and_is_pruned(
    monitoring: Program, log_url: str, tmp_path: Path
) -> None:
    assert "was upgraded to this version" in monitoring.run("migrate", "--log-url", log_url).out
    made = [NOW] * 5 + [NOW - timedelta(days=20)] * 3
    ids = live_log.add(log_url, [None] * 8, [True] * 8, made, made, has_outcome=[False] * 8)
    outcomes = pd.DataFrame({"prediction_id": [*ids[:5], "unknown"], "churned": "yes", "observed_at": NOW.isoformat()})
    outcomes.to_csv(tmp_path / "outcomes.csv", index=False)
    told = monitoring.run("import-outcomes", tmp_path / "outcomes.csv", "--log-url", log_url).out
    assert told.startswith("recorded 5 outcomes of 6 rows")
    told = monitoring.run("prune", "--log-url", log_url, "--keep-days", 10).out
    assert told.startswith("deleted 3 predictions, with their outcomes")
    engine = log_tables.connect(log_url)
    with engine.connect() as connection:
        assert connection.execute(sa.select(log_tables.OUTCOMES.c.churned)).scalars().all() == [True] * 5
        kept = connection.execute(sa.select(log_tables.PREDICTIONS.c.prediction_id)).scalars().all()
    engine.dispose()
    assert sorted(kept) == sorted(ids[:5])


@pytest.fixture(scope="module", autouse=True)
def impatient(monitoring: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a watch says whose runs never end, from the first test on: its limit cannot be below a minute."""
    folder = tmp_path_factory.mktemp("impatient")
    os.mkfifo(folder / "pinned.json")  # who reads it waits for ever
    flags = ("--max-run", "1m", "--output-dir", folder / "var", "--port", 0)
    with monitoring.started("watch", *flags, log=folder / "log", MONITORING_MODELS_DIR=str(folder)):
        monitoring.lines.append(("watch", *map(str, flags)))  # the block ends after the last test
        yield folder / "log"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A file for what a program says that does not end by itself."""
    path = tmp_path / "said.log"
    yield path
    print(path.read_text())  # noqa: T201  # pytest shows it where the test failed


def test_the_dashboard_listens_where_it_was_told_and_shows_the_folder_it_was_told(
    monitoring: Program, tmp_path: Path, log: Path
) -> None:
    port = free_port()
    flags = ("--host", LOOPBACK, "--port", port, "--output-dir", tmp_path / "elsewhere")
    with monitoring.started("dashboard", *flags, log=log):
        wait_until(lambda: fetched(f"http://{LOOPBACK}:{port}/api/projects").startswith("["), 60)
    assert f"dashboard of {tmp_path / 'elsewhere' / 'workspace'} on http://{LOOPBACK}:{port}" in log.read_text()


def test_the_watch_runs_both_jobs_as_it_was_told(
    monitoring: Program, keep: Callable[..., list[str]], shelf: Path, sqlite_url: str, tmp_path: Path, log: Path
) -> None:
    keep(sqlite_url, CALM, 300, days_ago=0.02)
    keep(sqlite_url, CALM, 300, days_ago=0.4, seed=2)
    reports, port = tmp_path / "var" / "reports", free_port()
    old = reports / "20200101T000000.000000Z-drift.json"
    reports.mkdir(parents=True)
    old.write_text("{}")
    clock = ("--drift-every", "1m", "--drift-since", "1h", "--performance-every", "7h", "--performance-since", "12h")
    rest = (
        "--keep-runs",
        "3d",
        "--max-run",
        "5m",
        "--output-dir",
        tmp_path / "var",
        "--host",
        LOOPBACK,
        "--port",
        port,
    )
    variables = {"MONITORING_LOG_URL": sqlite_url, "MONITORING_MODELS_DIR": str(shelf)}

    def newest(job: str) -> dict[str, Any]:
        found = max(reports.glob(f"*-{job}.json"), default=None)
        return json.loads(found.read_text()) if found else {}

    with monitoring.started("watch", *clock, *rest, log=log, **variables):
        wait_until(lambda: newest("drift") and newest("performance") and not old.exists(), 90)
        gauges = fetched(f"http://{LOOPBACK}:{port}/metrics")
    assert (newest("drift")["window_rows"], newest("performance")["window_rows"]) == (300, 600)
    periods = dict(re.findall(r'^churn_\w*period_seconds{job="(\w+)"} (\S+)$', gauges, re.MULTILINE))
    assert periods == {"drift": "60.0", "performance": "25200.0"}


def test_the_watch_ends_a_run_that_takes_longer_than_it_was_told(impatient: Path) -> None:
    wait_until(lambda: "the drift job took longer than 0:01:00 and was ended" in impatient.read_text(), 90)


def test_an_option_that_no_run_was_given_is_found() -> None:
    lines = [("drift", "--from", "2026-01-01", "--min-rows", "200"), ("prune",)]
    missing = unused({"drift": DriftSettings, "prune": PruneSettings}, lines)
    assert {"drift --to-time", "drift --min-rows", "prune --keep-days"} <= set(missing)
    assert not {"drift", "prune", "drift --from-time"} & set(missing)


def test_every_option_was_run(request: pytest.FixtureRequest, monitoring: Program) -> None:
    require_all(request)
    assert unused({name: kind for name, (_, kind) in COMMANDS.items()}, monitoring.lines) == []
