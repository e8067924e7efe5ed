"""Every algorithm is evaluated on held-out rows of the same folds, and every other seed on held-out rows."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator

from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Matrix
from models.features import CONTRACT
from tests.training import random_split
from training.data import synthetic
from training.learning import evaluation, model
from training.learning.evaluation import OutOfFold


def ignored() -> None:
    return None


def customers(rows: int) -> tuple[Matrix, Labels]:
    table, _ = synthetic.sample(rows, seed=1)
    return CONTRACT.to_matrix(table), table["churned"].to_numpy()


class Memory(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Knows the rows that it learned from, and says 1 of them and 0 of all others."""

    learned: list[int] = []  # noqa: RUF012  # of all of them

    def fit(self, matrix: Matrix, _: Labels) -> "Memory":
        self.known_ = {row.tobytes() for row in matrix}
        self.learned.append(len(matrix))
        return self

    def predict_proba(self, matrix: Matrix) -> Any:
        known = np.array([row.tobytes() in self.known_ for row in matrix], dtype=float)
        return np.column_stack([1 - known, known])


def test_confusion_counts_every_customer_once() -> None:
    counts = evaluation.confusion(np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.9, 0.2, 0.5, 0.8]), RiskPolicy())
    assert list(counts.model_dump().values()) == [1, 1, 1, 2]


def test_no_algorithm_is_judged_on_what_it_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "COMPARED_ROWS", 300)
    Memory.learned.clear()
    rng = np.random.default_rng(0)
    matrix, churned = rng.random((1_000, 3)).astype(np.float32), (np.arange(1_000) % 4 == 0).astype(np.int64)
    split = random_split.of(churned, seed=1)
    matrix, churned = matrix[split.training], churned[split.training]
    steps: list[int] = []
    found = evaluation.cross_validate(
        {"ours": Memory(), "other": Memory()},
        matrix,
        churned,
        split.folds,
        served="ours",
        seed=1,
        on_fit=lambda: steps.append(1),
    )
    rows = len(churned)
    assert sorted(found["ours"].rows) == list(range(rows))
    assert not found["ours"].whole.any()
    assert Memory.learned == [rows - len(held_out) for _, held_out in split.folds] + [300] * 5
    assert len(steps) == 10
    list(evaluation.repeat(lambda _: Memory(), matrix, churned, seed=1, on_fit=ignored))
    assert Memory.learned[10:] == [240] * evaluation.SEEDS


def test_every_algorithm_is_judged_on_five_folds() -> None:
    matrix, churned = customers(1_000)
    served = model.served(parameters=model.PARAMETERS, constraints=None, seed=1, threads=1)
    candidates = model.candidates(served, seed=1, threads=1)
    folds = random_split.of(churned, seed=1)
    matrix, churned = matrix[folds.training], churned[folds.training]
    found = evaluation.cross_validate(
        candidates, matrix, churned, folds.folds, served=model.SERVED, seed=1, on_fit=ignored
    )
    assert tuple(found) == model.ALGORITHMS
    measured = {name: evaluation.summarise(one.measure(churned)) for name, one in found.items()}
    assert measured[model.CONSTANT]["roc_auc"].mean == 0.5
    assert measured[model.CONSTANT]["roc_auc"].deviation == 0
    assert min(measured[name]["roc_auc"].mean for name in model.ALGORITHMS[:4]) > 0.7


def test_a_fold_is_measured_by_its_own_rows() -> None:
    first = np.array([True, True, False, False])
    folds = [(~first, np.array([1, 0])), (first, np.array([2, 3]))]
    found = OutOfFold(folds, [np.array([0.9, 0.2]), np.array([0.8, 0.4])])
    churned = np.array([0, 1, 0, 1])
    assert [one["roc_auc"] for one in found.measure(churned)] == [1, 0]
    assert (found.rows.tolist(), found.whole.tolist(), found.fold.tolist()) == (
        [1, 0, 2, 3],
        [0.9, 0.2, 0.8, 0.4],
        [0, 0, 1, 1],
    )


def test_the_interval_of_a_mean_is_students() -> None:
    values = [0.81, 0.84, 0.79, 0.86, 0.80]
    spread = evaluation.summarise([{"roc_auc": value} for value in values])["roc_auc"]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (spread.low, spread.high) == pytest.approx((low, high))
    assert spread.deviation == pytest.approx(np.std(values, ddof=1))


def test_another_seed_grows_other_trees_on_the_same_rows() -> None:
    matrix, churned = customers(1_000)
    first, again, other = (
        evaluation.predict(
            model.served(parameters=model.PARAMETERS, constraints=None, seed=seed, threads=1).fit(matrix, churned),
            matrix,
        )
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
