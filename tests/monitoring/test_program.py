"""The program as the command line and a browser see it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from demo.running_service import free_port
from monitoring.__main__ import main
from monitoring.runs.dashboard import PROJECT


def test_a_job_that_cannot_even_start_cannot_tell(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "monitoring.drift_job", None)  # as if a library of the job were broken
    monkeypatch.delattr("monitoring.drift_job", raising=False)
    assert main(["drift"]) == 2
    assert "ImportError" in caplog.text or "ModuleNotFoundError" in caplog.text


def test_the_program_ends_with_the_verdict_and_shows_no_foreign_warning(
    root: Path, shelf: Path, tmp_path: Path, customers: Callable[[int, int], pd.DataFrame]
) -> None:
    live = tmp_path / "live.csv"
    customers(500, 2).assign(contract_type=0).to_csv(live, index=False)
    flags = ["--live", live, "--models-dir", shelf, "--output-dir", tmp_path / "var"]
    command = [sys.executable, "-m", "monitoring", "drift", *map(str, flags)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("drift in 2 of 7 columns: contract_type")
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["INFO"] * 3


def test_a_log_is_made_and_a_second_time_there_is_nothing_to_do(
    log_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--log-url", log_url]) == main(["migrate", "--log-url", log_url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "the prediction log was upgraded to this version",
        "the prediction log needs no change",
    ]


@pytest.mark.parametrize("url", ["mysql://localhost/churn", "postgresql://churn:secret@127.0.0.1:9/churn"])
def test_a_log_that_cannot_be_made_is_said(url: str, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["migrate", "--log-url", url]) == 2
    [said] = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert url.partition("://")[0] in said
    assert "secret" not in said


@pytest.fixture
def dashboard(root: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a running dashboard that has seen no run, at home in `tmp_path`."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MONITORING_OUTPUT_DIR": str(tmp_path / "var")}
    command = [sys.executable, "-m", "monitoring", "dashboard", "--port", str(port)]
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.DEVNULL) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def starting_dashboard(root: Path, tmp_path: Path) -> subprocess.Popen[str]:
    flags = ["--port", str(free_port()), "--output-dir", str(tmp_path / "var")]
    command = [sys.executable, "-m", "monitoring", "dashboard", *flags]
    return subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seconds", [0.1, 2.0])
def test_an_interrupt_while_the_dashboard_starts_ends_it_quietly(root: Path, tmp_path: Path, seconds: float) -> None:
    with starting_dashboard(root, tmp_path) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert said.endswith(f"INFO starting the dashboard of {tmp_path / 'var' / 'workspace'}\n")
    assert (rest, process.returncode) == ("", -signal.SIGINT)


def test_the_address_is_said_when_somebody_listens(root: Path, tmp_path: Path) -> None:
    with starting_dashboard(root, tmp_path) as process:
        assert process.stderr is not None
        process.stderr.readline()
        said = process.stderr.readline().split()
        url = said[-1]
        assert said[1:4] == ["INFO", "dashboard", "of"]
        with urllib.request.urlopen(f"{url}/api/projects") as answer:  # noqa: S310  # our own address
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert (rest, process.returncode) == ("", -signal.SIGINT)


def fetch(url: str) -> Any:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url) as answer:  # noqa: S310  # our own address
                return json.load(answer)
        except urllib.error.URLError:
            time.sleep(0.1)
    raise TimeoutError(url)


def test_the_dashboard_shows_the_project_and_reports_nothing_to_its_makers(dashboard: str, tmp_path: Path) -> None:
    (project,) = fetch(f"{dashboard}/api/projects")
    assert project["name"] == PROJECT
    assert fetch(f"{dashboard}/api/projects/{project['id']}/snapshots") == []
    assert [path.name for path in tmp_path.iterdir()] == ["var"]  # usage reporting would keep an identity at home
