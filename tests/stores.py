"""A shelf with two models on it, one better than the other, for tests of who serves."""

import shutil
from collections.abc import Callable
from pathlib import Path

from models.bundles import bundle, pins
from models.bundles.bundle import Bundle
from models.bundles.manifest import Description
from models.features import CONTRACT
from training import __main__ as program


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
