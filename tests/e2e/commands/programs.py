"""Programs as a user runs them, processes of their own, and a record of which options they were given."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, CliApp

OURS = ("TRAINING_", "MONITORING_", "SERVICE_", "DEMO_", "MLFLOW_", "RETRAIN_")
"""Variables that would change what a program does; those of whoever runs the tests are left out."""
LOOPBACK = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
"""An address of this machine alone, where a system has more than one of them."""
Commands = Mapping[str, type[BaseSettings]]
"""Settings by command; of a program without commands, by an empty name."""


@dataclass(frozen=True)
class Ended:
    """What a run left on the terminal."""

    out: str
    err: str


class Program:
    """`python -m NAME`, run from the checkout, with a record of the command lines that ended as expected.

    The name may have a second word, for commands below a command.
    """

    def __init__(self, name: str, root: Path) -> None:
        self.name, self._root = name, root
        self.lines: list[tuple[str, ...]] = []

    def run(self, *words: object, exit_code: int = 0, cwd: Path | None = None, **variables: str) -> Ended:
        """Run it to its end."""
        line = tuple(map(str, words))
        done = subprocess.run(
            [sys.executable, "-m", *self.name.split(), *line],
            cwd=cwd or self._root,
            env=self._environment(variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        self.lines.append(line)
        return Ended(done.stdout, done.stderr)

    @contextmanager
    def started(self, *words: object, log: Path, **variables: str) -> "Iterator[subprocess.Popen[bytes]]":
        """Let it run, its output in a file, until the block ends; then Ctrl-C ends what has not ended."""
        line = tuple(map(str, words))
        command = [sys.executable, "-m", *self.name.split(), *line]
        with log.open("w") as out:
            process = subprocess.Popen(
                command, cwd=self._root, env=self._environment(variables), stdout=out, stderr=subprocess.STDOUT
            )
        try:
            yield process
            self.lines.append(line)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return inherited | {"PYTHONPATH": str(self._root), "DO_NOT_TRACK": "true"} | dict(variables)


def fetched(url: str) -> str:
    """Return what is served there; nothing where nobody listens yet."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own address
            return str(answer.read().decode())
    except OSError:
        return ""


def unused(commands: Commands, lines: Iterable[Sequence[str]]) -> list[str]:
    """Name each command that no line runs, and each option that no line gives a value other than its default."""
    missing = {command: {"": None, **dict.fromkeys(kind.model_fields)} for command, kind in commands.items()}
    with pytest.MonkeyPatch.context() as patch:
        for variable in list(os.environ):
            patch.delenv(variable)
        for line in lines:
            command, words = (line[0], line[1:]) if line and line[0] in commands else ("", line)
            settings = CliApp.run(commands[command], cli_args=list(words))
            changed = [name for name, field in type(settings).model_fields.items() if _differs(settings, name, field)]
            for name in ("", *changed):
                missing[command].pop(name, None)
    return [_told(command, name) for command, names in missing.items() for name in names]


def _differs(settings: BaseSettings, name: str, field: object) -> bool:
    return bool(getattr(settings, name) != getattr(field, "default", None))


def _told(command: str, name: str) -> str:
    return " ".join(word for word in (command, f"--{name.replace('_', '-')}" if name else "") if word) or "the program"


def require_all(request: pytest.FixtureRequest) -> None:
    """Skip an inventory where only some tests of its file run: what the others do is not known then."""
    here = request.path
    chosen = {item.function for item in request.session.items if item.path == here and hasattr(item, "function")}
    module = vars(request.module)
    if {made for name, made in module.items() if name.startswith("test_")} - chosen:
        pytest.skip("only some tests of this file were chosen")
