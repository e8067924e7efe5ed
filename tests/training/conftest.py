"""Fixtures of the training tests: one small fit."""

import pytest

from training import pipeline
from training.pipeline import Published
from training.settings import FitSettings


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> FitSettings:
    """Settings of a small fit with a shelf and an MLflow of its own."""
    folder = tmp_path_factory.mktemp("fit")
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
