"""From rows to answers: what training scored, the service answers, and what was asked, the monitor can read."""

import json
from pathlib import Path

import joblib
import mlflow
import numpy as np
import pytest
from starlette.testclient import TestClient

from models.features import CONTRACT
from monitoring.drift_job import run_drift
from monitoring.settings import DriftSettings as MonitoringSettings
from service.app import create_app
from service.settings import Settings as ServiceSettings
from training import pipeline
from training.data import datasets
from training.settings import FitSettings


@pytest.fixture(scope="module")
def settings(telco: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> FitSettings:
    folder = tmp_path_factory.mktemp("round-trip")
    return FitSettings(
        data=str(telco),
        columns=root / "training" / "columns" / "telco.toml",
        models_dir=folder / "models",
        output_dir=folder / "var",
        tracking_uri=f"sqlite:///{folder / 'var' / 'mlflow.db'}",
    )


@pytest.fixture(scope="module")
def published(settings: FitSettings) -> pipeline.Published:
    return pipeline.fit(settings)


@pytest.mark.slow
def test_real_customers_get_the_same_probability_in_training_and_over_http(
    settings: FitSettings, published: pipeline.Published, tmp_path: Path
) -> None:
    rows = datasets.load(settings, CONTRACT).features
    mlflow.set_tracking_uri(settings.mlflow)
    dumped = mlflow.artifacts.download_artifacts(run_id=published.run_id, artifact_path="pipeline.joblib")
    expected = joblib.load(dumped).predict_proba(rows)[:, 1]
    with TestClient(create_app(ServiceSettings(models_dir=settings.models_dir)), base_url="http://localhost") as client:
        customers = json.loads(rows.to_json(orient="records"))
        answer = client.post("/predict/batch", json={"customers": customers})
        assert answer.status_code == 200
        single = client.post("/predict", json=customers[0])
    answered = [prediction["churn_probability"] for prediction in answer.json()["predictions"]]
    assert len(answered) == 7_043
    np.testing.assert_allclose(answered, expected, atol=1e-5)
    assert single.json()["churn_probability"] == pytest.approx(expected[0], abs=1e-5)
    assert single.json()["model_version"] == published.bundle.manifest.version

    asked = tmp_path / "asked.csv"
    rows.to_csv(asked, index=False)
    monitoring = MonitoringSettings(live=asked, models_dir=settings.models_dir, output_dir=tmp_path / "var")
    assert run_drift(monitoring) == 0
    rows.assign(monthly_charges=rows["monthly_charges"] * 1.3).to_csv(asked, index=False)
    assert run_drift(monitoring) == 1
