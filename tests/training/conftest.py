"""Fixtures of the training tests: one small fit, and a shelf with two models."""

import shutil
from pathlib import Path

import pytest

from tests.stores import Shelf, make_once, place_mlflow_database
from training import pipeline
from training.data import synthetic
from training.pipeline import Published
from training.settings import FitSettings


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> FitSettings:
    """Settings of a small fit on synthetic customers, with a shelf and an MLflow of its own."""
    folder = tmp_path_factory.mktemp("fit")
    place_mlflow_database(folder / "var" / "mlflow.db")
    return FitSettings(
        rows=2_000,
        models_dir=folder / "models",
        output_dir=folder / "var",
        tracking_uri=f"sqlite:///{folder / 'var' / 'mlflow.db'}",
    )


@pytest.fixture(scope="session")
def published(settings: FitSettings) -> Published:
    """The first fit ever on that shelf."""
    return pipeline.fit(settings)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Shelf:
    folder = make_once(tmp_path_factory, "gate", lambda folder: _fit_two(folder, root))
    good, bad = (folder / "versions").read_text().split()
    return Shelf(folder, good, bad)


def _fit_two(folder: Path, root: Path) -> None:
    """Fit a good and a bad model, and write down their versions."""
    place_mlflow_database(folder / "var" / "mlflow.db")
    synthetic.sample(4_000, seed=3)[0].to_csv(folder / "bad.csv", index=False)
    synthetic.sample(12_000, seed=5)[0].to_csv(folder / "good.csv", index=False)

    def fit(**settings: object) -> str:
        common = {
            "models_dir": folder / "models",
            "output_dir": folder / "var",
            "seed": 5,
            "costs": root / "training" / "costs.toml",
        }
        uri = f"sqlite:///{folder / 'var' / 'mlflow.db'}"
        made = pipeline.fit(FitSettings.model_validate({"tracking_uri": uri} | common | settings))
        return made.bundle.manifest.version

    wrong = {"tenure_months": 1, "support_tickets": -1, "monthly_charges": -1}
    versions = fit(data=str(folder / "good.csv")), fit(data=str(folder / "bad.csv"), monotone=wrong)
    (folder / "versions").write_text("\n".join(versions))


@pytest.fixture
def shelf(fitted: Shelf, tmp_path: Path) -> Shelf:
    """A copy, so that a test may pin and break what it likes."""
    shutil.copytree(fitted.models_dir, tmp_path / "models")
    (tmp_path / "var").mkdir()
    shutil.copy(fitted.folder / "var" / "mlflow.db", tmp_path / "var")
    return Shelf(tmp_path, fitted.good, fitted.bad)
