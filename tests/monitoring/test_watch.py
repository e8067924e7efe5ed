"""The scheduler of the jobs."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from models.bundles import bundle, pin_changes, pin_history, pins
from models.bundles.pins import Challenger, Pin
from models.features import CONTRACT
from monitoring import watch
from monitoring.runs import run_store
from monitoring.runs.run_store import Job
from monitoring.settings import WatchSettings
from monitoring.watch import Schedule
from tests import webhook_receiver
from tests.training.promotion.live import prometheus_server
from tests.training.promotion.live.prometheus_server import Counted
from tests.waiting import wait_until
from tests.webhook_receiver import PATH, SECRET, is_signed

PATIENCE_SECONDS = 120
TAKE_A_WHILE = """
import pathlib, sys, time
with pathlib.Path(sys.argv[1]).open("a", buffering=1) as notes:
    notes.write("begin\\n")
    time.sleep(0.2)
    notes.write("end\\n")
"""
NOTE_AND_HANG = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
RECORD_DRIFT = """
import datetime, pathlib, sys
from monitoring.runs import run_store
run_store.write({"exit_code": 1}, pathlib.Path(sys.argv[1]).parent, "drift", datetime.datetime.now(datetime.UTC))
"""


def schedule(job: Job, code: str, folder: Path, *, max_run_seconds: float = PATIENCE_SECONDS) -> Schedule:
    """Run a line of Python as a job, several times a second; its argument is a file to write to."""
    return Schedule(
        job=job,
        command=(sys.executable, "-c", code, str(folder / "notes.txt")),
        every=timedelta(seconds=0.1),
        max_run=timedelta(seconds=max_run_seconds),
        output_dir=folder,
        keep=timedelta(days=1),
    )


def follow(
    schedules: Sequence[Schedule], *, until: Callable[[], object], end: signal.Signals = signal.SIGTERM
) -> timedelta:
    """Follow schedules until something is so, and return how long the end then took."""
    asked: list[datetime] = []

    def interrupt() -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while not until() and time.monotonic() < limit:
            time.sleep(0.01)
        asked.append(datetime.now(UTC))
        os.kill(os.getpid(), end)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stop, thread = watch.Stop(), threading.Thread(target=interrupt)
    thread.start()
    watch.follow(schedules, stop)
    thread.join()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return datetime.now(UTC) - asked[0]


def notes(folder: Path) -> list[str]:
    path = folder / "notes.txt"
    return path.read_text().split() if path.exists() else []


def test_both_jobs_come_again_and_never_at_the_same_time(tmp_path: Path) -> None:
    both = [schedule("drift", TAKE_A_WHILE, tmp_path), schedule("performance", TAKE_A_WHILE, tmp_path)]
    follow(both, until=lambda: len(notes(tmp_path)) >= 9)
    assert notes(tmp_path)[:8] == ["begin", "end"] * 4


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import time; time.sleep(60)", "took longer than 0:00:00.300000 and was ended"),
        ("raise SystemExit(2)", "ended with exit code 2"),
        ("import os; os.kill(os.getpid(), 9)", "ended with exit code -9"),
        ("pass", "ended with exit code 0"),
    ],
)
def test_a_run_without_a_record_could_not_tell(code: str, how: str, tmp_path: Path) -> None:
    run_store.write({"exit_code": 0}, tmp_path, "drift", datetime.now(UTC))
    record = run_store.newest(tmp_path, "drift")

    def blind() -> bool:
        return run_store.newest(tmp_path, "drift") != record

    follow([schedule("drift", code, tmp_path, max_run_seconds=0.3)], until=blind)
    record = run_store.newest(tmp_path, "drift")
    assert record is not None
    assert (record["verdict"], record["exit_code"]) == ("cannot tell", 2)
    assert record["reason"] == f"the drift job {how}, and left no record. See the log of the monitor."


def test_what_a_run_recorded_stands(tmp_path: Path) -> None:
    follow([schedule("drift", RECORD_DRIFT, tmp_path)], until=lambda: len(list(tmp_path.rglob("*.json"))) > 2)
    record = run_store.newest(tmp_path, "drift")
    assert record is not None
    assert record["exit_code"] == 1


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_end_also_ends_the_job_that_runs_and_calls_it_nothing(end: signal.Signals, tmp_path: Path) -> None:
    took = follow([schedule("drift", NOTE_AND_HANG, tmp_path)], until=lambda: notes(tmp_path), end=end)
    assert took < timedelta(seconds=5)
    with pytest.raises(ProcessLookupError):
        os.kill(int(notes(tmp_path)[0]), 0)
    assert run_store.newest(tmp_path, "drift") is None


def test_the_jobs_get_their_windows_and_their_folder(tmp_path: Path) -> None:
    settings = WatchSettings(drift_since="2h", performance_since="7d", performance_every="90m", output_dir=tmp_path)
    drift, performance = watch.plan(settings)
    folders = ("--output-dir", str(tmp_path), "--models-dir", "models")
    assert drift.command[1:] == ("-m", "monitoring", "drift", "--since", "2h", *folders)
    assert performance.command[1:] == ("-m", "monitoring", "performance", "--since", "7d", *folders)
    assert (drift.every, performance.every) == (timedelta(hours=1), timedelta(minutes=90))
    *_, advance = watch.plan(WatchSettings(advance_every="1h", output_dir=tmp_path))
    assert advance.command[1:] == ("-m", "training", "advance", "--models-dir", "models")


def test_a_canary_advances_on_the_schedule_of_the_monitor(root: Path, shelf: Path, tmp_path: Path) -> None:
    champion = pins.read(shelf)
    canary = Challenger(version="20260302-5e6f7a8b", digest="0" * 64, mode="canary", share=0.05)
    pin = Pin(version=champion.version, digest=champion.digest, challenger=canary)
    pin_changes.write(pin, about=canary, change="challenge", why="", models_dir=shelf)
    settings = {"ADVANCE_EVERY": "1h", "MODELS_DIR": str(shelf), "LOG_URL": f"sqlite:///{tmp_path / 'none.db'}"}
    with prometheus_server.serving() as prometheus:
        prometheus.canary = Counted(900, failed=100)
        environment = os.environ | {f"MONITORING_{name}": value for name, value in settings.items()}
        environment["TRAINING_PROMETHEUS_URL"] = prometheus.url
        command = (sys.executable, "-m", "monitoring", "watch", "--port", "0", "--output-dir", str(tmp_path / "var"))
        with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            address = re.search(r"http://\S+", process.stderr.readline())
            assert address is not None
            wait_until(lambda: 'churn_monitor_exit_code{job="advance"} 1.0' in read(address[0]))
            told = read(address[0])
            process.send_signal(signal.SIGTERM)
            process.communicate()
    assert 'churn_monitor_period_seconds{job="advance"} 3600.0' in told
    assert 'churn_monitor_first_run_timestamp_seconds{job="advance"} ' in told
    assert pins.read(shelf).challenger is None
    last = pin_history.read(shelf).changes[-1]
    assert (last.change, last.why.partition(" requests")[0]) == ("withdraw", "by itself: 100 of its 1,000")


def read(address: str) -> str:
    with urllib.request.urlopen(address) as answer:  # noqa: S310  # our own address
        text: str = answer.read().decode()
    return text


def test_the_program_runs_the_jobs_at_once_and_tells_prometheus(root: Path, tmp_path: Path) -> None:
    flags = ("--port", "0", "--output-dir", str(tmp_path))
    environment = os.environ | {"MONITORING_LOG_URL": f"sqlite:///{tmp_path / 'none.db'}"}
    command = (sys.executable, "-m", "monitoring", "watch", *flags)
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = re.search(r"http://\S+", process.stderr.readline())
        assert address is not None
        limit = time.monotonic() + PATIENCE_SECONDS
        told = ""
        while 'exit_code{job="performance"} 2.0' not in told and time.monotonic() < limit:
            time.sleep(0.2)
            with urllib.request.urlopen(address[0]) as answer:  # noqa: S310  # our own address
                told = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    assert 'churn_monitor_exit_code{job="drift"} 2.0' in told
    assert 'churn_monitor_exit_code{job="performance"} 2.0' in told
    assert 'churn_monitor_period_seconds{job="drift"} 3600.0' in told
    assert "the drift job ended with exit code 2" in rest
    assert "Traceback" not in rest
    assert process.returncode == 0


@pytest.mark.slow
def test_the_program_tells_a_webhook_of_drift_and_of_a_promotion(
    root: Path,
    shelf: Path,
    keep: Callable[..., None],
    customers: Callable[[int, int], pd.DataFrame],
    log_url: str,
    tmp_path: Path,
) -> None:
    keep(customers(500, 2).assign(contract_type=0))
    with webhook_receiver.receiving() as receiver:
        settings = {
            "LOG_URL": log_url,
            "MODELS_DIR": str(shelf),
            "WEBHOOK_URL": receiver.url,
            "WEBHOOK_SECRET": SECRET,
            "WEBHOOK_ALLOW_PRIVATE": "true",
        }
        environment = os.environ | {f"MONITORING_{name}": value for name, value in settings.items()}
        command = (sys.executable, "-m", "monitoring", "watch", "--port", "0", "--output-dir", str(tmp_path / "var"))
        with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: ("drift.found", "firing") in receiver.told)
            champion = bundle.load(shelf, contract=CONTRACT)
            bundle.pin(champion, models_dir=shelf, change="promote", why="better")
            wait_until(lambda: ("model.promoted", "info") in receiver.told)
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            said = process.stderr.read()
    assert process.returncode == 0
    assert all(is_signed(request, SECRET) for request in receiver.received)
    assert len(receiver.told) == len(set(receiver.told))
    drift = next(request.body for request in receiver.received if request.told[0] == "drift.found")
    assert drift["summary"].startswith("drift in 2 of 7 columns: contract_type")
    assert f"127.0.0.1:{receiver.port}: drift.found" in said
    assert not [secret for secret in (PATH, SECRET, "Traceback") if secret in said]


def test_the_program_does_not_start_with_a_webhook_that_is_not_valid(root: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "monitoring", "watch", "--port", "0", "--output-dir", str(tmp_path))
    environment = os.environ | {"MONITORING_WEBHOOK_URL": "ftp://hooks.example/SECRET"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "MONITORING_WEBHOOK_URL: give an address as https://hooks.example/path" in done.stderr
    assert "SECRET" not in done.stderr
