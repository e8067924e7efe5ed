"""A shelf with two models on it, one better than the other, for tests of who serves; and what is made once for all."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from models import file_lock
from models.bundles import bundle, pins
from models.bundles.bundle import Bundle
from models.bundles.manifest import Description
from models.features import CONTRACT
from training import __main__ as program

MLFLOW_DATABASES = Path(__file__).parent.parent / "var" / "tests"
"""Where an empty one stays until MLflow has another version; all processes of a run share it."""

_PATIENCE_SECONDS = 540
"""Time for another process to make the folder, on a busy machine."""


class Shelf:
    """A models folder and an MLflow, with a good and a bad model fitted on different customers."""

    def __init__(self, folder: Path, good: str, bad: str) -> None:
        self.folder, self.good, self.bad = folder, good, bad
        self.models_dir = folder / "models"
        self.arguments = ["--models-dir", str(self.models_dir), "--output-dir", str(folder / "var")]
        self.arguments += ["--tracking-uri", f"sqlite:///{folder / 'var' / 'mlflow.db'}"]

    def serve(self, version: str) -> None:
        bundle.pin(self.find(version), models_dir=self.models_dir)

    def find(self, version: str) -> Bundle:
        return bundle.find(self.models_dir, version, contract=CONTRACT)

    @property
    def serving(self) -> str:
        return pins.read(self.models_dir).version

    def run(self, command: str, *arguments: str) -> int:
        return program.main(
            [command, *arguments, *(self.arguments[:2] if command in ("history", "compare-live") else self.arguments)]
        )

    def promote(self, *arguments: str) -> int:
        return self.run("promote", *arguments)

    def alter(self, version: str, change: Callable[[Path, dict[str, object]], None]) -> str:
        """Publish a copy with other content, all digests right."""
        found = self.find(version)
        files = self.folder / "altered"
        shutil.rmtree(files, ignore_errors=True)
        shutil.copytree(found.directory, files)
        (files / "manifest.json").unlink()
        facts: dict[str, object] = {name: getattr(found.manifest, name) for name in Description.model_fields}
        change(files, facts)
        described = Description.model_validate(facts)
        trained_at = found.manifest.trained_at
        return bundle.save(
            files, described, CONTRACT, trained_at=trained_at, models_dir=self.models_dir
        ).manifest.version


def place_mlflow_database(path: Path) -> None:
    """Copy an empty database to where a program will look for one; making its tables takes 1.1 s of CPU time."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_mlflow_database(), path)


@cache
def _mlflow_database() -> Path:
    found = MLFLOW_DATABASES / f"mlflow-{metadata.version('mlflow')}.db"
    if not found.exists():
        unfinished = found.with_name(f"{found.name}.{os.getpid()}")
        found.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{unfinished}"]
        subprocess.run(command, check=True, capture_output=True)
        unfinished.replace(found)  # of two processes that made one, the last wins
    return found


def make_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first process fills; its content belongs to all, so that no test may change it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        folder = temporary.mktemp(name)
        make(folder)
        return folder
    folder = temporary.getbasetemp().parent / f"shared-{name}"
    with file_lock.held(folder.with_suffix(".lock"), patience_seconds=_PATIENCE_SECONDS):
        finished = folder.with_suffix(".finished")
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that was ended
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder
