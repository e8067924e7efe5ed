"""Runs commands in forks of one process that has imported their libraries, since imports take seconds of CPU time.

A fork has the working folder, the variables, the standard files and the exit code of a new process. Unlike one, it has
libraries that were imported before its variables were set, and it does not wait for threads at its end.
"""

import atexit
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

IMPORTED = {
    "training": (
        "training.pipeline",
        "training.report",
        "training.promotion.promotion",
        "training.promotion.rollback",
        "training.promotion.challengers",
        "training.promotion.live.live_comparison",
        "training.promotion.live.canary_steps",
        "training.recalibration.recalibration",
        "training.replay.replaying",
        "training.scoring.score_folder",
        "mlflow.sklearn",
        "mlflow.store.tracking.sqlalchemy_store",
        "mlflow.store.model_registry.sqlalchemy_store",
        "matplotlib.backends.backend_agg",
    ),
    "monitoring": ("monitoring.drift_job", "monitoring.performance_job", "monitoring.runs.dashboard"),
}
"""By program: what its commands import when they run."""
IS_POSSIBLE = sys.platform == "linux"
"""Elsewhere, libraries of the system do not survive a fork."""
OURS = ("TRAINING_", "MONITORING_", "SERVICE_", "DEMO_", "MLFLOW_", "RETRAIN_")
"""Variables that would change what a program does; those of whoever runs the tests are left out."""


def inherited(root: Path) -> dict[str, str]:
    """Return the variables that each program has, before those of its test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"PYTHONPATH": str(root), "DO_NOT_TRACK": "true"}


class WarmProcess:
    """The process that is forked."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.commands.warm_process"],
            cwd=root,
            env=inherited(root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        atexit.register(self.end)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def run(
        self, program: str, words: Sequence[str], environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run `python -m PROGRAM WORDS` to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            asked = {"program": program, "words": words, "environment": environment, "out": str(out), "err": str(err)}
            try:
                self._process.stdin.write(f"{json.dumps(asked)}\n")
                self._process.stdin.flush()
                exit_code = int(self._process.stdout.readline())
            except BaseException:
                # It is dead, a test takes too long, or Ctrl-C: the next test starts another, and gets no late answer.
                started.cache_clear()
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                raise
            return subprocess.CompletedProcess(list(words), exit_code, out.read_text(), err.read_text())

    def end(self) -> None:
        """End it, once nobody asks any more."""
        self._process.communicate()


@cache
def started(root: Path) -> WarmProcess:
    """Start it, or return the one that is there."""
    return WarmProcess(root)


def _serve() -> None:
    """Fork for each line that is read, and answer with the exit code."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        for name in IMPORTED.get(asked["program"], ()):
            import_module(name)
        with warnings.catch_warnings(action="ignore"):  # of threads that wait in numeric libraries, which allow a fork
            child = os.fork()
        if child == 0:
            _become(asked)
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        answers.flush()


def _become(asked: Mapping[str, Any]) -> NoReturn:
    """Be the process that was asked for; it ends with its program."""
    for number, (path, flags) in enumerate(
        [
            (os.devnull, os.O_RDONLY),
            (asked["out"], os.O_WRONLY | os.O_CREAT),
            (asked["err"], os.O_WRONLY | os.O_CREAT),
        ]
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    sys.argv = [asked["program"], *asked["words"]]
    exit_code = 0
    try:
        runpy.run_module(asked["program"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        exit_code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            sys.stderr.write(f"{end.code}\n")
    except Exception:  # noqa: BLE001  # as the interpreter itself does
        traceback.print_exc()
        exit_code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # ONNX Runtime would wait for a thread of the process that was forked


if __name__ == "__main__":
    _serve()
