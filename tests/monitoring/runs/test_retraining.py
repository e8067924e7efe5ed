"""What comes of the command that a decision to retrain starts."""

import shlex
import sys
from pathlib import Path

import pytest

from monitoring.runs import retraining
from tests.waiting import wait_until

NOTE_A_CHILD_AND_HANG = """
import subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
with open(sys.argv[1], "w") as note:
    note.write(str(child.pid))
time.sleep(600)
"""


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retraining, "LIMIT_SECONDS", 3)
    command, note = f"{sys.executable} -c {shlex.quote(NOTE_A_CHILD_AND_HANG)}", tmp_path / "child"
    started = retraining.start(command, note)
    assert retraining.describe(started) == f"{command}: took longer than 3 s and was ended"
    child = Path("/proc", note.read_text(), "stat")
    wait_until(lambda: not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_command_that_is_not_there_could_not_be_run(tmp_path: Path) -> None:
    for command, problem in (("/nowhere/at-all", "No such file"), ("echo '", "No closing quotation")):
        told = retraining.describe(retraining.start(command, tmp_path))
        assert told.startswith(f"{command}: could not be run: ")
        assert problem in told


def test_a_command_that_fails_is_told_with_its_code(tmp_path: Path) -> None:
    told = retraining.describe(retraining.start("sh -c 'echo no; exit 3'", tmp_path))
    assert told.endswith(": ended with exit code 3: no")
