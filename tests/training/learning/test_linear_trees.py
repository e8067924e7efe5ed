"""Trees that learn from a logistic regression predict like it, add up, and are stored like all others."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from benchmarks.statistics.studies import table_shapes
from models.bundles.calibration import Calibration
from models.customer.contract import Labels, Matrix
from training.learning import evaluation, linear_trees, model, presets
from training.learning.linear_trees import LinearTrees
from training.learning.model import PARAMETERS
from training.publishing import export

MATRIX, CHURNED = table_shapes.additive(4_400, 1)
KNOWN, FRESH = slice(None, 400), slice(400, None)
LINEAR = dict(PARAMETERS) | presets.OTHERS[presets.LINEAR]


def fitted(matrix: Matrix, churned: Labels, *, constraints: model.Constraints = None) -> LinearTrees:
    unfitted = model.served(parameters=LINEAR, constraints=constraints, seed=7, threads=1)
    assert isinstance(unfitted, LinearTrees)
    with threadpool_limits(1):
        found: LinearTrees = clone(unfitted).fit(matrix, churned)
    return found


def test_they_are_as_good_as_the_regression_where_trees_that_learn_from_outcomes_are_not() -> None:
    known, churned = MATRIX[KNOWN], CHURNED[KNOWN]
    usual = model.served(parameters=PARAMETERS, constraints=None, seed=7, threads=1).fit(known, churned)
    scores = [
        float(roc_auc_score(CHURNED[FRESH], evaluation.predict(one, MATRIX[FRESH])))
        for one in (linear_trees.regression().fit(known, churned), fitted(known, churned), usual)
    ]
    regression, trees, from_outcomes = scores
    assert trees == pytest.approx(regression, abs=0.006)
    assert from_outcomes < regression - 0.02


def test_each_tree_splits_one_column_and_missing_values_are_taken() -> None:
    matrix = MATRIX[KNOWN].copy()
    matrix[::7, 0] = np.nan
    dump = fitted(matrix, CHURNED[KNOWN]).get_booster().get_dump()
    columns = [set(re.findall(r"\[f(\d+)<", tree)) for tree in dump]
    assert len(columns) == 200
    assert max(map(len, columns)) == 1
    assert {"0", "1", "2", "3"} <= set.union(*columns)


def test_constraints_hold() -> None:
    falling = (-1, *[0] * 11)  # in truth the risk rises with the first column
    ladder: Matrix = np.repeat(MATRIX[:1], 50, axis=0)
    ladder[:, 0] = np.linspace(-3, 3, 50)
    risk = evaluation.predict(fitted(MATRIX[KNOWN], CHURNED[KNOWN], constraints=falling), ladder)
    assert (np.diff(risk) <= 0).all()
    assert np.diff(evaluation.predict(fitted(MATRIX[KNOWN], CHURNED[KNOWN]), ladder)).max() > 0


def test_they_learn_from_a_sample_of_a_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_trees, "MOST_ROWS", 300)
    some, same = (evaluation.predict(fitted(MATRIX[KNOWN], CHURNED[KNOWN]), MATRIX[FRESH]) for _ in range(2))
    monkeypatch.undo()
    everything = evaluation.predict(fitted(MATRIX[KNOWN], CHURNED[KNOWN]), MATRIX[FRESH])
    assert (some == same).all()
    assert 0.02 < np.abs(some - everything).mean() < 0.2


def test_the_published_model_is_one_of_xgboosts_own_class(tmp_path: Path) -> None:
    trees = fitted(MATRIX[KNOWN], CHURNED[KNOWN])
    found = model.plain(trees)
    assert type(found).__name__ == "XGBClassifier"
    probability = evaluation.predict(found, MATRIX[FRESH])
    assert (probability == evaluation.predict(trees, MATRIX[FRESH])).all()
    export.write_models(found, width=12, graph=tmp_path / "model.onnx", booster=tmp_path / "model.ubj")
    assert export.check_parity(probability, tmp_path / "model.onnx", MATRIX[FRESH], Calibration(method="none")) < 1e-6
