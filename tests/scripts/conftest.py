"""Runs a script of .github/scripts like a step of a workflow, or like a person on a laptop."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

OF_A_WORKFLOW = ("GITHUB_", "GH_", "DEPLOY_", "RETRAIN_", "REGISTRY_", "DOCKER_HOST", "DRY_RUN", "TRAINING_")
FAKE = """#!{python}
import json, os, pathlib, sys
with pathlib.Path({log!r}).open("a") as log:
    log.write(json.dumps([sys.argv[1:], sys.stdin.read() if not sys.stdin.isatty() else ""]) + "\\n")
words = " ".join(sys.argv[1:])
for start, answer in {answers!r}.items():
    if words.startswith(start):
        print(answer)
"""
Script = Callable[..., "subprocess.CompletedProcess[str]"]
Fake = Callable[..., dict[str, str]]


@pytest.fixture
def script(root: Path, tmp_path: Path) -> Script:
    """Run a script of .github/scripts in a folder of its own, with no workflow's variables but those given."""

    def run(name: str, *words: str, cwd: Path = tmp_path, **variables: str) -> "subprocess.CompletedProcess[str]":
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OF_A_WORKFLOW)}
        path = root / ".github" / "scripts" / name
        command = [sys.executable, str(path)] if path.suffix == ".py" else [str(path)]
        return subprocess.run(
            [*command, *words],
            cwd=cwd,
            env=inherited | variables,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Put a program on the PATH that notes what it is called with, and answers what it is told to."""

    def make(name: str, **answers: str) -> dict[str, str]:
        folder = tmp_path / "fakes"
        folder.mkdir(exist_ok=True)
        spaced = {start.replace("_", " ") if start.isidentifier() else start: told for start, told in answers.items()}
        text = FAKE.format(python=sys.executable, log=str(tmp_path / f"{name}.log"), answers=spaced)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}"}

    return make
