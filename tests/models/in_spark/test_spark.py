"""A table that is scored in Spark gets the bits that `score` writes, and the reasons of its rejected rows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.batches import PREDICTION
from training.data import synthetic
from training.scoring import score_file
from training.settings import ScoreSettings


@pytest.fixture
def spark(root: Path) -> Path:
    """The folder with Spark's packages."""
    packages = root / "var" / "spark"
    if not (packages / "pyspark").is_dir() or shutil.which("java") is None:
        install = f"uv pip install --target {packages} --requirement requirements/spark.txt"
        pytest.skip(f"Spark is not installed; it needs Java 17, and `{install}`")
    return packages


@pytest.mark.slow
def test_a_spark_session_scores_bit_for_bit_as_a_file_is_scored(root: Path, spark: Path, tmp_path: Path) -> None:
    customers = synthetic.sample(2_000, seed=5)[0].drop(columns="churned")
    customers = customers.assign(id=[f"C{at:04}" for at in range(2_000)])
    customers.loc[[7, 900], customers.columns[0]] = -1
    source, models_dir = tmp_path / "customers.parquet", root / "models"
    customers.to_parquet(source, index=False)
    chosen = {"input": source, "output": tmp_path / "file.parquet", "models_dir": models_dir}
    score_file.score(ScoreSettings.model_validate(chosen), chunk_rows=300)

    script = [
        str(Path(__file__).with_name("score_in_spark.py")),
        str(source),
        str(tmp_path / "spark"),
        str(models_dir),
    ]
    environment = os.environ | {"PYTHONPATH": f"{root}:{spark}", "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(
        [sys.executable, *script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = pq.read_table(tmp_path / "spark").to_pandas().sort_values("id", ignore_index=True)
    kept = found["rejected_because"].isna()
    expected = pq.read_table(tmp_path / "file.parquet").to_pandas()
    scored = found[kept][expected.columns].reset_index(drop=True).astype(expected.dtypes)
    pd.testing.assert_frame_equal(scored, expected, check_exact=True)
    rejected = pd.read_csv(tmp_path / "file.rejected.csv")
    assert found[~kept]["id"].tolist() == rejected["id"].tolist() == ["C0007", "C0900"]
    assert found[~kept]["rejected_because"].tolist() == rejected["reasons"].tolist()
    assert found[~kept][["churn_probability", "churn_prediction", "risk_tier"]].isna().all(axis=None)
    assert found["model_version"].nunique() == 1
    assert len(PREDICTION) + 1 == len(found.columns) - len(customers.columns)
