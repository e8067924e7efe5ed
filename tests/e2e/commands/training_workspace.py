"""A folder in which somebody trains: a shelf for models, an MLflow, and what both say afterwards."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run

from models.bundles import bundle, pins
from models.bundles.bundle import Bundle
from models.bundles.manifest import Manifest
from models.features import CONTRACT
from tests.e2e.commands.programs import Program
from tests.stores import place_mlflow_database
from training.publishing.tracking import REGISTERED_MODEL


@dataclass(frozen=True)
class Desk:
    """Where a program trains, and nobody else."""

    folder: Path
    training: Program

    @property
    def models_dir(self) -> Path:
        return self.folder / "models"

    @property
    def flags(self) -> tuple[object, ...]:
        """What keeps all that is written in the folder."""
        return ("--models-dir", self.models_dir, "--output-dir", self.folder / "var")

    @property
    def database(self) -> Path:
        return self.folder / "var" / "mlflow.db"

    @property
    def pinned(self) -> str:
        return pins.read(self.models_dir).version

    def copy(self, folder: Path) -> "Desk":
        """Make another with the same models, to change who serves."""
        shutil.copytree(self.models_dir, folder / "models")
        (folder / "var").mkdir()
        shutil.copy(self.database, folder / "var")
        return Desk(folder, self.training)

    def fit(self, *words: object) -> str:
        """Fit, and return the new model's version."""
        before = self.versions()
        if "--tracking-uri" not in words:
            place_mlflow_database(self.database)
        self.training.run("fit", *words, *self.flags)
        [version] = self.versions() - before
        return version

    def versions(self) -> set[str]:
        return {path.parent.name for path in self.models_dir.glob("store/*/manifest.json")}

    def find(self, version: str) -> Bundle:
        return bundle.find(self.models_dir, version, contract=CONTRACT)

    def manifest(self, version: str) -> Manifest:
        return self.find(version).manifest

    def run_of(self, version: str, database: Path | None = None) -> Run:
        """Return the run that a model came from, as MLflow has it."""
        client = MlflowClient(f"sqlite:///{database or self.database}")
        [registered] = client.search_model_versions(f"name = '{REGISTERED_MODEL}' and tag.bundle_version = '{version}'")
        return client.get_run(str(registered.run_id))

    def drop(self, version: str) -> None:
        """Remove a model from the store, so that only MLflow has it."""
        shutil.rmtree(self.models_dir / "store" / version)

    def move_database(self) -> Path:
        """Move MLflow's database to where only `--tracking-uri` finds it."""
        return Path(shutil.move(self.database, self.folder / "elsewhere.db"))

    def champion_in_mlflow(self, database: Path | None = None) -> str:
        """Return the version that has the alias of the one that is served."""
        client = MlflowClient(f"sqlite:///{database or self.database}")
        return str(client.get_model_version_by_alias(REGISTERED_MODEL, "champion").tags["bundle_version"])

    def source_of(self, version: str) -> dict[str, Any]:
        """Return where a model's rows came from, as plain MLflow reads it back, with the kind of source."""
        inputs = self.run_of(version).inputs
        assert inputs is not None
        [logged] = inputs.dataset_inputs
        found: dict[str, Any] = mlflow.data.get_source(logged).to_dict()
        return {"kind": logged.dataset.source_type} | found


def everything_in(database: Path) -> str:
    """Return all rows of all tables of a SQLite database as text."""
    with sqlite3.connect(database) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    return text
