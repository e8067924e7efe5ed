"""Requests by a command, after a run of a job, and while the monitor runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from monitoring.retrain_requests import command
from monitoring.retrain_requests.errors import RetrainUnusable
from monitoring.retrain_requests.requester import Requester
from tests.monitoring.retrain_requests.conftest import TOKEN, Runs
from tests.waiting import wait_until
from tests.webhook_receiver import Receiver

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(root: Path, runs: Runs, variables: dict[str, str]) -> Run:
    """Run a command of the monitor."""

    def run(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        line = (sys.executable, "-m", "monitoring", *words, "--output-dir", str(runs.folder))
        environment = os.environ | variables | more
        return subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def drifted(
    shelf: Path,
    keep: Callable[..., None],
    customers: Callable[[int, int], pd.DataFrame],
    log_url: str,
    variables: dict[str, str],
) -> dict[str, str]:
    """The settings of a monitor whose log has drifted."""
    keep(customers(500, 2).assign(contract_type=0))
    return variables | {"MONITORING_LOG_URL": log_url, "MONITORING_MODELS_DIR": str(shelf)}


def test_the_command_asks_and_says_so_and_then_has_nothing_to_do(run: Run, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    done = run("request-retraining")
    assert (done.returncode, done.stdout) == (0, "requested a retraining of ann/churn: drift found at 0\n")
    assert run("request-retraining").stdout == "no retraining is due\n"
    assert len(github.received) == 1


def test_the_command_ends_with_2_when_github_refuses_or_nobody_is_to_be_asked(
    run: Run, runs: Runs, github: Receiver
) -> None:
    runs.add(0)
    github.answer_with(403)
    done = run("request-retraining")
    assert (done.returncode, "the request failed: HTTP 403" in done.stderr) == (2, True)
    assert TOKEN not in done.stdout + done.stderr
    done = run("request-retraining", MONITORING_RETRAIN_REPOSITORY=" ")
    assert (done.returncode, "Set MONITORING_RETRAIN_REPOSITORY" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("REPOSITORY", "https://github.com/ann/churn", "name a repository as owner/name, without an address"),
        ("REPOSITORY", "ann/..", "name a repository as owner/name, without an address"),
        ("TOKEN_FILE", "", "name a file with a token for this repository"),
        ("API_URL", "http://github.example/api/v3", "give an address with https://"),
        ("API_URL", "https://ann:pw@github.example", "give an address as https://api.github.com, without a user"),
        ("ON", "always", "Input should be 'finding' or 'decision'"),
        ("PAUSE", "soon", "write a length of time as 90m, 24h or 7d"),
    ],
)
def test_a_setting_that_is_not_valid_is_named(
    name: str,
    value: str,
    problem: str,
    variables: dict[str, str],
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for setting, text in (variables | {f"MONITORING_RETRAIN_{name}": value}).items():
        monkeypatch.setenv(setting, text)
    with pytest.raises(RetrainUnusable) as unusable:
        command.find_requester(runs.folder)
    assert f"MONITORING_RETRAIN_{name}: " in str(unusable.value)
    assert problem in str(unusable.value)
    assert "pw" not in str(unusable.value)


def test_without_a_repository_nobody_is_asked(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPOSITORY", "TOKEN_FILE", "API_URL", "ON", "PAUSE"):
        monkeypatch.setenv(f"MONITORING_RETRAIN_{name}", "")  # as Compose passes on what is not set
    assert command.find_requester(runs.folder) is None


def test_what_goes_wrong_is_logged_once_and_never_raised(
    requester: Requester, runs: Runs, github: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    runs.add(0)
    for _ in range(2):
        github.answer_with(503)
    looks = command.Looks(requester)
    for _ in range(3):
        looks()
    assert caplog.text.count("the request failed: HTTP 503") == 1
    assert caplog.text.count("requested a retraining of ann/churn") == 1
    (runs.folder / "retraining" / "requests.json").unlink()
    (runs.folder / "retraining" / "requests.json").mkdir()
    looks()
    assert "Is a directory" in caplog.text


@pytest.mark.slow
def test_the_monitor_asks_for_a_drift_and_survives_a_server_that_refuses(
    root: Path, drifted: dict[str, str], runs: Runs, github: Receiver, tmp_path: Path
) -> None:
    github.answer_with(503)
    line = (sys.executable, "-m", "monitoring", "watch", "--port", "0", "--output-dir", str(runs.folder))
    log = tmp_path / "monitor.log"
    with log.open("w") as out, subprocess.Popen(line, cwd=root, env=os.environ | drifted, stderr=out) as process:
        try:
            wait_until(lambda: len(github.received) == 2, 120)  # after the drift job, and after the performance job
            wait_until(lambda: any(runs.said(record) for record in (runs.folder / "reports").glob("*-drift.json")))
        finally:
            process.send_signal(signal.SIGTERM)
    said = log.read_text()
    assert process.returncode == 0
    assert all(request.body["client_payload"]["reason"].startswith("drift in 2 of") for request in github.received)
    assert "the request failed: HTTP 503" in said
    assert "requested a retraining of ann/churn: drift in 2 of 7 columns" in said
    assert not [text for text in (TOKEN, "Traceback") if text in said]


@pytest.mark.slow
def test_a_single_run_asks_and_keeps_its_exit_code(run: Run, drifted: dict[str, str], github: Receiver) -> None:
    done = run("drift", **drifted | {"MONITORING_RETRAIN_REPOSITORY": "ann"})
    assert (done.returncode, "name a repository as owner/name" in done.stderr) == (1, True)
    assert run("drift", **drifted).returncode == 1
    assert len(github.received) == 1


def test_the_monitor_does_not_start_with_a_repository_that_is_none(run: Run) -> None:
    done = run("watch", "--port", "0", MONITORING_RETRAIN_REPOSITORY="ann")
    assert done.returncode == 2
    assert "MONITORING_RETRAIN_REPOSITORY: name a repository as owner/name" in done.stderr
