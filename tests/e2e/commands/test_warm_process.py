"""A command in a fork of the warm process ends and speaks as a command in a new process."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.commands import warm_process

pytestmark = pytest.mark.skipif(not warm_process.IS_POSSIBLE, reason="libraries of the system do not survive a fork")
SHOW = ("-n", "1", "-r", "1", "-s", "import os; print(sorted(os.environ), file=os.sys.stderr)", "pass")
"""Words of `python -m timeit` that let it print its variables."""


def test_it_is_imported_without_the_variables_that_change_our_programs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://of.whoever.runs.the.tests")
    process = warm_process.WarmProcess(root)
    started_with = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"PYTHONPATH=" in started_with
    assert b"MLFLOW_TRACKING_URI" not in started_with


def test_a_fork_has_the_variables_and_the_last_words_of_a_new_process(root: Path, tmp_path: Path) -> None:
    process = warm_process.WarmProcess(root)
    assert process.run("timeit", SHOW, {"TRAINING_SEED": "1"}).stderr == "['TRAINING_SEED']\n"
    (tmp_path / "broken.json").write_text("{")
    ended = process.run("json.tool", [str(tmp_path / "broken.json")], {})
    assert ended.returncode == 1
    assert ended.stderr.startswith("Expecting property name")


def test_a_test_after_one_that_met_a_dead_process_gets_another(root: Path) -> None:
    dead = warm_process.started(root)
    os.killpg(dead.pid, signal.SIGKILL)
    with pytest.raises((BrokenPipeError, ValueError)):
        dead.run("timeit", SHOW, {})
    assert warm_process.started(root) is not dead
    assert warm_process.started(root).run("timeit", SHOW, {"ONE": "1"}).stderr == "['ONE']\n"
