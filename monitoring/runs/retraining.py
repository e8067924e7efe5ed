"""What follows a decision to retrain: a command to run, or the configured one, started with the run's record."""

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models import plain_text
from monitoring.settings import JobSettings

COMMAND = "RETRAIN_DATA=live make retrain"
"""Trains on logged predictions with their outcomes, and lets the gate compare the new model with the pinned one."""
LIMIT_SECONDS = 60
"""Longest time of the configured command; it is ended then, with all that it started."""


def command(facts: Mapping[str, Any]) -> str:
    """Return the command to run after a run with these facts, with the log and the trusted reporters of the run.

    A password of the log is `***`.
    """
    names = {"TRAINING_LOG_URL": "log_url", "TRAINING_TRUSTED_REPORTERS": "trusted_reporters"}
    values = {variable: facts.get(name) for variable, name in names.items()}
    if values["TRAINING_LOG_URL"] == JobSettings.model_fields["log_url"].default:
        del values["TRAINING_LOG_URL"]  # training has the same default
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in values.items() if value), COMMAND])


def start(command: str, record: Path) -> dict[str, Any]:
    """Run the configured command with the path of a record as its last word, and return what came of it as JSON values.

    It takes as long as the command, at most `LIMIT_SECONDS`. It never raises: the decision is already saved.
    """
    begun = {"command": command, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        code, said = _run([*shlex.split(command), str(record)])
    except (OSError, ValueError) as error:
        code, said = None, f"could not be run: {plain_text.first_line(error)}"
    return begun | {"exit_code": code, "said": said}


def describe(started: Mapping[str, Any]) -> str:
    """Say in one line what came of the command."""
    code = started["exit_code"]
    ended = f"ended with exit code {code}: " if code else ""
    return f"{started['command']}: {ended}{started['said']}"


def _run(words: Sequence[str]) -> tuple[int | None, str]:
    """Return the exit code and the last line; no code if it took too long."""
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, f"took longer than {LIMIT_SECONDS} s and was ended"
    return process.returncode, _last_line(output.decode(errors="replace"))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return plain_text.first_line(lines[-1]) if lines else "no output"
