"""Trees that learn from a logistic regression predict like it, add up, and are stored like all others."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

from benchmarks.statistics import table_shapes
from models.bundles.calibration import Calibration
from models.customer.contract import Labels, Matrix
from training.learning import evaluation, linear_trees, model, presets
from training.learning.linear_trees import LinearTrees
from training.learning.model import PARAMETERS
from training.publishing import export

MATRIX, CHURNED = table_shapes.additive(4_400, 1)
KNOWN, FRESH = slice(None, 400), slice(400, None)
LINEAR = dict(PARAMETERS) | presets.OTHERS[presets.LINEAR]


def served(parameters: Mapping[str, int | float], constraints: model.Constraints = None) -> XGBClassifier:
    return model.served(parameters=parameters, constraints=constraints, seed=7, threads=1)


def fitted(matrix: Matrix, churned: Labels, *, constraints: model.Constraints = None) -> LinearTrees:
    unfitted = served(LINEAR, constraints)
    assert isinstance(unfitted, LinearTrees)
    with threadpool_limits(1):
        found: LinearTrees = clone(unfitted).fit(matrix, churned)
    return found


def test_they_are_as_good_as_the_regression_where_trees_that_learn_from_outcomes_are_not() -> None:
    known, churned = MATRIX[KNOWN], CHURNED[KNOWN]
    usual = served(PARAMETERS).fit(known, churned)
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


def test_a_value_that_is_missing_only_later_counts_as_in_the_regression() -> None:
    known, churned, later = MATRIX[KNOWN], CHURNED[KNOWN], MATRIX[FRESH].copy()
    later[::2, 0] = np.nan
    wanted, found = (
        evaluation.predict(one, later[::2])
        for one in (linear_trees.regression().fit(known, churned), fitted(known, churned))
    )
    assert np.abs(found - wanted).mean() < 0.05  # without a missing value 0.04
    assert abs(found.mean() - wanted.mean()) < 0.02


def test_a_table_of_many_columns_gets_more_trees() -> None:
    draw = np.random.default_rng(60)
    matrix = draw.normal(size=(5_000, 60)).astype(np.float32)
    slopes = draw.normal(size=60)
    risk = 1 / (1 + np.exp(1 - matrix @ (slopes * 1.5 / np.linalg.norm(slopes))))
    known, churned = matrix[:2_000], (draw.random(2_000) < risk[:2_000]).astype(np.int64)
    wide = LINEAR | linear_trees.parameters_for(60)
    assert (wide["n_estimators"], linear_trees.parameters_for(200)["n_estimators"]) == (1_400, 1_500)
    assert linear_trees.parameters_for(12) == {}
    with threadpool_limits(1):
        regression, few, many = (
            float(np.corrcoef(evaluation.predict(one.fit(known, churned), matrix[2_000:]), risk[2_000:])[0, 1])
            for one in (linear_trees.regression(), served(LINEAR), served(wide))
        )
    assert many > regression - 0.03
    assert few < regression - 0.07


def test_the_published_model_is_one_of_xgboosts_own_class(tmp_path: Path) -> None:
    trees = fitted(MATRIX[KNOWN], CHURNED[KNOWN])
    found = model.plain(trees)
    assert type(found).__name__ == "XGBClassifier"
    probability = evaluation.predict(found, MATRIX[FRESH])
    assert (probability == evaluation.predict(trees, MATRIX[FRESH])).all()
    export.write_models(found, width=12, graph=tmp_path / "model.onnx", booster=tmp_path / "model.ubj")
    assert export.check_parity(probability, tmp_path / "model.onnx", MATRIX[FRESH], Calibration(method="none")) < 1e-6
