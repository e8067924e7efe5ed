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

from demo.populations import CALM, SHIFTED, Population
from demo.running_service import free_port
from models.bundles import pins
from models.log import log_tables, row_ids
from monitoring.__main__ import COMMANDS
from monitoring.settings import DriftSettings, PruneSettings
from service.access import keys_file
from tests import live_log, webhook_receiver
from tests.e2e.commands.programs import LOOPBACK, Ended, Program, fetched, require_all, unused
from tests.waiting import wait_until
from tests.webhook_receiver import SECRET, is_signed

pytestmark = [pytest.mark.shipped, pytest.mark.shipped_model, pytest.mark.slow]

NOW = live_log.NOW

ROOT = Path(__file__).parents[3]


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
    told = ("--sample-rows", 1_000, "--min-loss-fraction", 2)
    found = record_of(monitoring.run("drift", *then, *told, *folders, exit_code=1))
    assert (found["loss"]["min_loss_fraction"], found["loss"]["advised"]) == (2, False)
    assert found["loss"]["cost"]["low"] > 0
    assert set(found["loss"]["columns"]) <= {column["name"].split(" ")[0] for column in found["columns"]}
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
    live, columns = tmp_path / "live.csv", tmp_path / "columns.toml"
    customers = pd.DataFrame([customer.features for customer in CALM.customers(800, seed=5)])
    customers = customers.assign(
        total_charges=customers["total_charges"] * 1.45, contract_type=customers["contract_type"] + 0.0
    )
    customers.rename(columns={"tenure_months": "durée"}).to_csv(
        live, sep=";", decimal=",", encoding="cp1252", index=False
    )
    columns.write_text(
        '[features]\ntenure_months = { column = "durée" }\n'
        '[csv]\ndelimiter = ";"\ndecimal = ","\nencoding = "cp1252"\n',
        encoding="utf-8",
    )
    flags = ("--live", live, "--columns", columns, "--models-dir", shelf, "--output-dir", tmp_path / "var")

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


def test_a_folder_is_judged_as_one_file_of_the_same_rows(monitoring: Program, shelf: Path, tmp_path: Path) -> None:
    def judge(world: Population, exit_code: int) -> None:
        rows = pd.DataFrame([customer.features for customer in world.customers(3_000, seed=5)])
        file, folder = tmp_path / f"{exit_code}.parquet", tmp_path / str(exit_code)
        rows.to_parquet(file)
        for month, part in enumerate((rows[:900], rows[900:901], rows[901:])):
            (folder / f"month={month}").mkdir(parents=True)
            part.to_parquet(folder / f"month={month}" / "part-0.parquet")
        flags = ("--sample-rows", 1_000, "--models-dir", shelf, "--output-dir", tmp_path / "var")
        found = [
            record_of(monitoring.run("drift", "--live", live, *flags, exit_code=exit_code)) for live in (file, folder)
        ]
        assert [one["judged_rows"] for one in found] == [3_000, 3_000]
        assert found[0]["columns"] == found[1]["columns"]
        drawn = "all 3,000 rows are counted; the plots of the report show 1,000, drawn at random"
        assert all(drawn in one["remarks"] and drawn in Path(one["report"]).read_text() for one in found)

    judge(CALM, 0)
    judge(SHIFTED, 1)


def test_drift_bears_as_many_refusals_as_it_was_told(
    monitoring: Program, keep: Callable[..., list[str]], shelf: Path, sqlite_url: str, tmp_path: Path
) -> None:
    keep(sqlite_url, CALM, 600, days_ago=0.5)
    at = NOW - timedelta(hours=1)
    counts = {"answered_requests": 600, "refused_requests": 200, "refused_fields": {"support_tickets": 200}}
    engine = log_tables.connect(sqlite_url)
    with engine.begin() as connection:
        row = {"traffic_id": row_ids.first_id(at), "counted_at": at, "dropped_rows": 0}
        connection.execute(sa.insert(log_tables.TRAFFIC), [row | counts])
    engine.dispose()
    flags = ("--log-url", sqlite_url, "--models-dir", shelf, "--output-dir", tmp_path / "var")
    run = monitoring.run("drift", "--max-refused-share", 0.3, *flags)
    assert "refused with 422: 25.0% of requests; broken rules by field: support_tickets 100%" in run.out


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
    patience = ("--min-fall", 0.9, "--min-calibration-error", 0.8, "--false-alarms-per-year", 0.01)
    patient = judge("--since", "60d", *patience, exit_code=0)
    assert patient == [0.9, 0.8]
    nobody = record_of(monitoring.run("performance", "--trusted-reporters", "billing,app", *then, *flags, exit_code=2))
    assert (nobody["window_rows"], nobody["outcomes_rows"]) == (150, 0)


def test_a_review_is_kept_and_an_old_run_is_removed(
    monitoring: Program, keep: Callable[..., list[str]], shelf: Path, sqlite_url: str, tmp_path: Path
) -> None:
    output, url = ("--output-dir", tmp_path / "var"), ("--log-url", sqlite_url)
    keep(sqlite_url, CALM, 150, days_ago=1)
    look = ("--since", "36h", "--min-rows", 100, "--false-alarms-per-year", 1, "--models-dir", shelf)
    calm = record_of(monitoring.run("drift", *look, *url, *output))
    assert calm["judged_rows"] == 150  # fewer than can tell by default
    assert calm["false_alarm_rate"] == pytest.approx(1.5 / 365)
    [record] = (tmp_path / "var" / "reports").glob("*.json")
    decision = ("--decision", "retrain", "--by", "ann", "--why", "prices rose", "--retrain-command", "echo asked for")
    told = monitoring.run("review", record.stem, *decision, *output).out
    assert told.splitlines()[-1] == f"echo asked for: asked for {record}"
    [review] = json.loads(record.read_text())["reviews"]
    assert (review["decision"], review["by"], review["why"]) == ("retrain", "ann", "prices rose")
    old = record.with_name(f"20200101T000000.000000Z-{record.stem.partition('Z-')[2]}.json")
    old.write_bytes(record.read_bytes())
    assert "removed 1 runs; deleted 0 " in monitoring.run("prune", *url, "--keep-runs", "1h", *output).out
    assert list(record.parent.glob("*.json")) == [record]


def write_actions(folder: Path, ids: list[str]) -> None:
    """Write a file of treatments for these predictions and an unknown one, in words that a columns file explains."""
    (folder / "actions.toml").write_text(
        """\
[treatments]
offer = { column = "action", values = { call = "high", nothing = "none" } }
given_at = { column = "day" }

[csv]
delimiter = ";"
"""
    )
    actions = pd.DataFrame({"prediction_id": [*ids, "unknown"], "action": ["call", "nothing"] * 3, "day": NOW.date()})
    actions.to_csv(folder / "actions.csv", index=False, sep=";")


def test_a_log_is_made_takes_outcomes_and_treatments_of_files_and_is_pruned(
    monitoring: Program, log_url: str, tmp_path: Path
) -> None:
    assert "was upgraded to this version" in monitoring.run("migrate", "--log-url", log_url).out
    made = [NOW] * 5 + [NOW - timedelta(days=20)] * 3
    ids = live_log.add(log_url, [None] * 8, [True] * 8, made, made, has_outcome=[False] * 8)
    outcomes = pd.DataFrame({"prediction_id": [*ids[:5], "unknown"], "churned": "yes", "observed_at": NOW.isoformat()})
    outcomes.to_csv(tmp_path / "outcomes.csv", index=False)
    said = outcomes.rename(columns={"churned": "left"}).assign(left="J")
    said.to_csv(tmp_path / "said.tsv", index=False, sep="\t")
    (tmp_path / "columns.toml").write_text(
        """\
[outcomes]
churned = { column = "left", values = { J = true, N = false } }
"""
    )
    mapped = ("--columns", tmp_path / "columns.toml", "--reported-by", "crm")
    for name, options in (("outcomes.csv", ()), ("said.tsv", mapped)):
        told = monitoring.run("import-outcomes", tmp_path / name, "--log-url", log_url, *options).out
        assert told.startswith("recorded 5 outcomes of 6 rows")
    write_actions(tmp_path, ids[:5])
    named = ("--columns", tmp_path / "actions.toml", "--reported-by", "dialler")
    told = monitoring.run("import-treatments", tmp_path / "actions.csv", "--log-url", log_url, *named).out
    assert told.startswith("recorded 5 treatments of 6 rows")
    told = monitoring.run("prune", "--log-url", log_url, "--keep-days", 10, "--export", tmp_path / "archive").out
    assert re.match(r"exported 3 predictions to 1 files in .+; deleted 3 predictions, with their outcomes", told)
    engine = log_tables.connect(log_url)
    with engine.connect() as connection:
        reported = connection.execute(sa.select(log_tables.OUTCOMES.c.reported_by)).scalars().all()
        kept = connection.execute(sa.select(log_tables.PREDICTIONS.c.prediction_id)).scalars().all()
        treated = connection.execute(sa.select(log_tables.TREATMENTS)).all()
    engine.dispose()
    assert {(one.prediction_id, one.offer, one.reported_by) for one in treated} == {
        (one, offer, "dialler") for one, offer in zip(ids[:5], ["high", "none"] * 3, strict=False)
    }
    assert sorted(reported) == ["crm"] * 5 + ["import"] * 5
    assert sorted(kept) == sorted(ids[:5])


@pytest.fixture(scope="module", autouse=True)
def impatient(monitoring: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a watch says whose runs never end, from the first test on: its limit cannot be below a minute."""
    folder = tmp_path_factory.mktemp("impatient")
    # Python runs this file at each start, and the drift job then sleeps.
    (folder / "sitecustomize.py").write_text("import sys, time\ntime.sleep(600 * ('drift' in sys.orig_argv))\n")
    flags = ("--max-run", "1m", "--output-dir", folder / "var", "--port", 0)
    paths = os.pathsep.join([str(folder), str(ROOT)])
    with monitoring.started("watch", *flags, log=folder / "log", PYTHONPATH=paths, MONITORING_MODELS_DIR=str(folder)):
        monitoring.lines.append(("watch", *map(str, flags)))  # the block ends after the last test
        yield folder / "log"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A file for what a program says that does not end by itself."""
    path = tmp_path / "said.log"
    yield path
    print(path.read_text())  # noqa: T201  # pytest shows it where the test failed


def test_the_dashboard_listens_where_it_was_told_and_shows_the_folder_it_was_told_to_those_it_was_told(
    monitoring: Program, tmp_path: Path, log: Path
) -> None:
    port, keys = free_port(), tmp_path / "keys.toml"
    flags = ("--host", LOOPBACK, "--port", port, "--output-dir", tmp_path / "elsewhere")
    keys_file.add(keys, "ann", ["review"], None)
    with monitoring.started("dashboard", *flags, "--keys-file", keys, "--retrain-command", "echo", log=log):
        wait_until(lambda: fetched(f"http://{LOOPBACK}:{port}/health") == "ok", 60)
        assert "<h1>Sign in</h1>" in fetched(f"http://{LOOPBACK}:{port}/")
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
        "--advance-every",
        "9h",
        "--keep-runs",
        "3d",
        "--max-run",
        "5m",
        "--models-dir",
        shelf,
        "--output-dir",
        tmp_path / "var",
        "--host",
        LOOPBACK,
        "--port",
        port,
    )
    variables = {"MONITORING_LOG_URL": sqlite_url}

    def newest(job: str) -> dict[str, Any]:
        found = max(reports.glob(f"*-{job}.json"), default=None)
        return json.loads(found.read_text()) if found else {}

    with monitoring.started("watch", *clock, *rest, log=log, **variables):
        wait_until(lambda: newest("drift") and newest("performance") and not old.exists(), 90)
        gauges = fetched(f"http://{LOOPBACK}:{port}/metrics")
    assert (newest("drift")["window_rows"], newest("performance")["window_rows"]) == (300, 600)
    periods = dict(re.findall(r'^churn_\w*period_seconds{job="(\w+)"} (\S+)$', gauges, re.MULTILINE))
    assert periods == {"drift": "60.0", "performance": "25200.0", "advance": "32400.0"}
    assert f'churn_monitor_model_info{{model_version="{pins.read(shelf).version}"}} 1.0' in gauges


def test_the_watch_ends_a_run_that_takes_longer_than_it_was_told(impatient: Path) -> None:
    wait_until(lambda: "the drift job took longer than 0:01:00 and was ended" in impatient.read_text(), 90)


def test_notices_go_where_they_were_told(monitoring: Program, shelf: Path, tmp_path: Path) -> None:
    reports, damaged = tmp_path / "var" / "reports", tmp_path / "models"
    with webhook_receiver.receiving() as receiver:
        to = ("--webhook-url", receiver.url, "--webhook-secret", SECRET, "--webhook-allow-private")
        told = monitoring.run("notify", "--test", *to).out
        assert told == f"127.0.0.1:{receiver.port} answered 200 (ok); the notice was signed\n"
        folders = ("--output-dir", tmp_path / "var", "--models-dir", damaged, "--webhook-repeat", "2h")
        damaged.mkdir()
        (damaged / "pinned.json").write_bytes((shelf / "pinned.json").read_bytes())
        reports.mkdir(parents=True)
        (reports / "20260101T000000.000000Z-drift.json").write_text('{"exit_code": 1, "summary": "drift"}')
        for _ in range(2):
            assert monitoring.run("notify", *to, *folders).out == "0 notices wait\n"
        early = tmp_path / "var" / "notices" / "outbox.json"
        early.write_text(
            re.sub(r'("told_at": ")[^"]+', rf"\g<1>{(NOW - timedelta(hours=3)).isoformat()}", early.read_text())
        )
        monitoring.run("notify", *to, *folders)
    lasting = [("drift.found", "firing"), ("pin.refused", "firing")]
    assert receiver.told == [("webhook.test", "info"), *lasting, *lasting]
    assert all(is_signed(request, SECRET) for request in receiver.received)


def test_a_retraining_is_requested_where_and_when_it_was_told(monitoring: Program, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    reports = tmp_path / "var" / "reports"
    reports.mkdir(parents=True)
    (reports / "20260101T000000.000000Z-drift.json").write_text('{"exit_code": 1, "summary": "drift"}')
    with webhook_receiver.receiving() as github:
        of_whom = ("--retrain-repository", "ann/churn", "--retrain-token-file", tmp_path / "token")
        to = (*of_whom, "--retrain-api-url", f"http://127.0.0.1:{github.port}", "--output-dir", tmp_path / "var")
        assert monitoring.run("request-retraining", *to, "--retrain-on", "decision").out == "no retraining is due\n"
        assert monitoring.run("request-retraining", *to).out == "requested a retraining of ann/churn: drift\n"
        (reports / "20260101T000001.000000Z-performance.json").write_text('{"exit_code": 1, "summary": "quality"}')
        assert monitoring.run("request-retraining", *to).out == "no retraining is due\n"  # within the pause
        file = tmp_path / "var" / "retraining" / "requests.json"
        early = (NOW - timedelta(hours=2)).isoformat()
        file.write_text(re.sub(r'("at": ")[^"]+', rf"\g<1>{early}", file.read_text()))
        monitoring.run("request-retraining", *to, "--retrain-pause", "1h")
    assert [request.body["client_payload"]["reason"] for request in github.received] == ["drift", "quality"]


def test_an_option_that_no_run_was_given_is_found() -> None:
    lines = [("drift", "--from", "2026-01-01", "--min-rows", "200"), ("prune",)]
    missing = unused({"drift": DriftSettings, "prune": PruneSettings}, lines)
    assert {"drift --to-time", "drift --min-rows", "prune --keep-days"} <= set(missing)
    assert not {"drift", "prune", "drift --from-time"} & set(missing)


def test_every_option_was_run(request: pytest.FixtureRequest, monitoring: Program) -> None:
    require_all(request)
    assert unused({name: kind for name, (_, kind) in COMMANDS.items()}, monitoring.lines) == []
