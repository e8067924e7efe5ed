"""A file is scored as the service answers: the same customers, the same probabilities, decisions and tiers."""

import json
from pathlib import Path

import pandas as pd
import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings as ServiceSettings
from training.data import synthetic
from training.scoring import score_file
from training.settings import ScoreSettings


@pytest.mark.parametrize("name", ["customers.csv", "customers.parquet"])
def test_a_file_gets_the_answers_of_the_service(root: Path, tmp_path: Path, name: str) -> None:
    customers = synthetic.sample(1_000, seed=21)[0].drop(columns="churned")
    source, output, models_dir = tmp_path / name, tmp_path / "scored.parquet", root / "models"
    customers.to_csv(source, index=False) if name.endswith(".csv") else customers.to_parquet(source)
    score_file.score(ScoreSettings(input=source, output=output, models_dir=models_dir), chunk_rows=300)
    scored = pd.read_parquet(output)
    with TestClient(create_app(ServiceSettings(models_dir=models_dir)), base_url="http://localhost") as client:
        body = {"customers": json.loads(customers.to_json(orient="records"))}
        answered = pd.DataFrame(client.post("/predict/batch", json=body).json()["predictions"])
    assert len(scored) == len(answered) == 1_000
    assert scored["churn_probability"].tolist() == pytest.approx(answered["churn_probability"].tolist(), abs=1e-5)
    for column in ("churn_prediction", "risk_tier", "model_version"):
        assert scored[column].tolist() == answered[column].tolist()
