"""Trees that are a logistic regression predict like it, add up, and are stored like all others."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits
from xgboost import DMatrix, XGBClassifier

from benchmarks.statistics import table_shapes
from models.bundles.calibration import Calibration
from models.customer.contract import Labels, Matrix
from training.learning import evaluation, linear_trees, model, presets
from training.learning.linear_trees import LinearTrees
from training.learning.model import PARAMETERS
from training.learning.trial import Parameters
from training.publishing import export

MATRIX, CHURNED = table_shapes.additive(4_400, 1)
LINEAR_PARAMETERS: Parameters = dict(PARAMETERS) | presets.OTHERS[presets.LINEAR] | {"n_estimators": 12}
KNOWN, FRESH = slice(None, 400), slice(400, None)


def served(parameters: Parameters, constraints: model.Constraints = None) -> XGBClassifier:
    return model.served(parameters=parameters, constraints=constraints, seed=7, threads=1)


def fitted(matrix: Matrix, churned: Labels, *, constraints: model.Constraints = None, further: int = 0) -> LinearTrees:
    unfitted = served(LINEAR_PARAMETERS | {"n_estimators": matrix.shape[1] + further}, constraints)
    assert isinstance(unfitted, LinearTrees)
    with threadpool_limits(1):
        found: LinearTrees = clone(unfitted).fit(matrix, churned)
    return found


def roc_auc(found: XGBClassifier, matrix: Matrix, churned: Labels) -> float:
    return float(roc_auc_score(churned, evaluation.predict(found, matrix)))


def test_they_are_as_good_as_the_regression_where_trees_that_learn_from_outcomes_are_not() -> None:
    known, churned = MATRIX[KNOWN], CHURNED[KNOWN]
    regression = linear_trees.regression().fit(known, churned)
    usual = served(dict(PARAMETERS)).fit(known, churned)
    wanted = roc_auc(regression, MATRIX[FRESH], CHURNED[FRESH])
    assert roc_auc(fitted(known, churned), MATRIX[FRESH], CHURNED[FRESH]) == pytest.approx(wanted, abs=0.002)
    assert roc_auc(usual, MATRIX[FRESH], CHURNED[FRESH]) < wanted - 0.02


def test_they_are_as_good_as_the_regression_with_many_columns() -> None:
    draw = np.random.default_rng(60)
    matrix = draw.normal(size=(5_000, 60)).astype(np.float32)
    slopes = draw.normal(size=60)
    risk = 1 / (1 + np.exp(1 - matrix @ (slopes * 1.5 / np.linalg.norm(slopes))))
    known, churned = matrix[:2_000], (draw.random(2_000) < risk[:2_000]).astype(np.int64)
    regression, trees = (
        float(np.corrcoef(evaluation.predict(one, matrix[2_000:]), risk[2_000:])[0, 1])
        for one in (linear_trees.regression().fit(known, churned), fitted(known, churned))
    )
    assert trees == pytest.approx(regression, abs=0.002)


def test_they_are_as_good_as_the_regression_with_many_skewed_columns() -> None:
    draw = np.random.default_rng(60)
    matrix = np.exp(draw.normal(size=(8_000, 60))).astype(np.float32)
    slopes = draw.normal(size=60)
    sums = matrix @ slopes
    risk = 1 / (1 + np.exp(1 - 1.5 * (sums - sums.mean()) / sums.std()))
    churned = (draw.random(8_000) < risk).astype(np.int64)
    known, fresh = slice(None, 4_000), slice(4_000, None)
    regression, trees = (
        evaluation.predict(one, matrix[fresh])
        for one in (linear_trees.regression().fit(matrix[known], churned[known]), fitted(matrix[known], churned[known]))
    )
    assert np.abs(trees - regression).mean() < 0.01
    assert roc_auc_score(churned[fresh], trees) == pytest.approx(roc_auc_score(churned[fresh], regression), abs=0.0015)


def test_each_column_has_one_tree_whose_contribution_is_its_term() -> None:
    matrix = MATRIX[KNOWN].copy()
    matrix[::7, 0] = np.nan
    booster = fitted(matrix, CHURNED[KNOWN]).get_booster()
    with threadpool_limits(1):
        _, scaler, logistic = (step for _, step in linear_trees.regression().fit(matrix, CHURNED[KNOWN]).steps)
    assert len(booster.get_dump()) == 12
    assert set(booster.trees_to_dataframe().groupby("Tree")["Feature"].nunique()) == {2}  # the column, and leaves
    contributions = booster.predict(DMatrix(matrix), pred_contribs=True)
    wanted = (matrix[:, 1] - scaler.mean_[1]) / scaler.scale_[1] * logistic.coef_[0, 1]
    assert np.abs(contributions[:, 1] - wanted).mean() < 0.02
    assert np.ptp(wanted) > 3
    assert np.ptp(contributions[::7, 0]) == 0


def test_constraints_hold_and_change_nothing_that_keeps_them() -> None:
    known, churned = MATRIX[KNOWN], CHURNED[KNOWN]
    free = evaluation.predict(fitted(known, churned), MATRIX[FRESH])
    rising, falling = (1, *[0] * 11), (-1, *[0] * 11)  # in truth the risk rises with the first column
    kept = evaluation.predict(fitted(known, churned, constraints=rising), MATRIX[FRESH])
    assert kept == pytest.approx(free, abs=1e-6)

    without = known.copy()
    without[:, 0] = 0
    regression = linear_trees.regression().fit(without, churned)
    constrained = evaluation.predict(fitted(known, churned, constraints=falling), MATRIX[FRESH])
    assert np.abs(constrained - evaluation.predict(regression, MATRIX[FRESH] * (np.arange(12) > 0))).mean() < 0.02
    ladder: Matrix = np.repeat(MATRIX[:1], 50, axis=0)
    ladder[:, 0] = np.linspace(-3, 3, 50)
    more = evaluation.predict(fitted(known, churned, constraints=falling, further=20), ladder)
    assert (np.diff(more) <= 0).all()


def test_a_value_that_is_missing_only_later_counts_as_in_the_regression() -> None:
    known, churned, later = MATRIX[KNOWN], CHURNED[KNOWN], MATRIX[FRESH].copy()
    later[::2, 0] = np.nan
    wanted, found = (
        evaluation.predict(one, later[::2])
        for one in (linear_trees.regression().fit(known, churned), fitted(known, churned))
    )
    assert np.abs(found - wanted).mean() < 0.02
    assert abs(found.mean() - wanted.mean()) < 0.01


def test_further_trees_learn_from_the_outcomes_and_a_copy_of_the_model_learns_the_same() -> None:
    matrix, churned = table_shapes.interactions(4_000, 1)
    known, fresh = slice(None, 2_000), slice(2_000, None)
    more = fitted(matrix[known], churned[known], further=100)
    assert (more.n_estimators, more.get_booster().num_boosted_rounds()) == (110, 110)
    assert roc_auc(more, matrix[fresh], churned[fresh]) > 0.7
    none = fitted(matrix[known], churned[known])
    assert roc_auc(none, matrix[fresh], churned[fresh]) < 0.6
    again = clone(none).set_params(n_estimators=110).fit(matrix[known], churned[known])
    assert (evaluation.predict(again, matrix[fresh]) == evaluation.predict(more, matrix[fresh])).all()


def test_a_copy_that_learns_from_rows_of_another_churn_rate_has_their_rate() -> None:
    rare, common = (np.random.default_rng(3).random(400) < rate for rate in (0.1, 0.9))
    known, outcomes = MATRIX[KNOWN], common.astype(np.int64)
    first = fitted(known, rare.astype(np.int64))
    assert first.base_score is None
    again = clone(first).set_params(n_estimators=20).fit(known, outcomes)
    anew = fitted(known, outcomes, further=8)
    assert (evaluation.predict(again, known) == evaluation.predict(anew, known)).all()
    assert evaluation.predict(again, known).mean() == pytest.approx(0.9, abs=0.03)


def test_weights_are_refused_and_a_fit_that_fails_changes_no_parameter() -> None:
    for further in (0, 5):
        unfitted = served(LINEAR_PARAMETERS | {"n_estimators": 12 + further})
        with pytest.raises(ValueError, match="sample_weight: linear trees take no weights"):
            unfitted.fit(MATRIX[KNOWN], CHURNED[KNOWN], sample_weight=np.ones(400))
    with pytest.raises(ValueError, match="base_margin"):
        unfitted.fit(MATRIX[KNOWN], CHURNED[KNOWN], base_margin=np.ones(3))
    assert unfitted.n_estimators == 17


@pytest.mark.parametrize("further", [0, 5])
def test_the_published_model_is_one_of_xgboosts_own_class(tmp_path: Path, further: int) -> None:
    matrix = MATRIX.copy()
    matrix[:, 3], matrix[:, 4] = 0, np.nan  # trees without a split
    trees = fitted(matrix[KNOWN], CHURNED[KNOWN], further=further)
    found = model.plain(trees)
    assert type(found).__name__ == "XGBClassifier"
    probability = evaluation.predict(found, matrix[FRESH])
    assert (probability == evaluation.predict(trees, matrix[FRESH])).all()
    export.write_models(found, width=12, graph=tmp_path / "model.onnx", booster=tmp_path / "model.ubj")
    assert export.check_parity(probability, tmp_path / "model.onnx", matrix[FRESH], Calibration(method="none")) < 1e-6
