"""The baseline: inputs of training rows, and predictions for test rows if the bundle has any."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from monitoring.drift import baseline
from monitoring.drift.row_counts import PREDICTION
from tests.descriptions import describe, fill
from tests.monitoring.conftest import draw, draw_graph

ROWS = 1_000


def load(folder: Path, unseen: pd.DataFrame) -> tuple[baseline.Baseline, pd.Series]:
    """Load the baseline of a bundle with these test rows; return it with their probabilities."""
    files = folder / "files"
    files.mkdir()
    (files / "model.onnx").write_bytes(draw_graph(CONTRACT))
    draw(300, seed=1).to_parquet(files / "reference.parquet")
    unseen.assign(churned=True, baseline_probability=0.5).to_parquet(files / "holdout.parquet")
    day = datetime(2026, 3, 1, tzinfo=UTC)
    model = bundle.save(fill(files), describe(CONTRACT), contract=CONTRACT, trained_at=day, models_dir=folder)
    scores = Scorer.of(model).score(CONTRACT.to_matrix(unseen))
    return baseline.load(model, CONTRACT, rows=ROWS), pd.Series(scores)


def test_predictions_are_those_for_customers_that_the_model_has_not_seen(tmp_path: Path) -> None:
    found, scores = load(tmp_path, draw(120, seed=2))
    assert len(found.table) == 300
    np.testing.assert_array_equal(found.table["tenure_months"], draw(300, seed=1)["tenure_months"])
    known = found.table[PREDICTION].dropna()
    assert sorted(known) == sorted(scores)
    assert sum(found.importance.values()) == 1


def test_of_more_test_rows_than_training_rows_a_sample_is_scored(tmp_path: Path) -> None:
    found, scores = load(tmp_path, draw(900, seed=2))
    assert found.table[PREDICTION].notna().all()
    assert set(found.table[PREDICTION]) < set(scores)
