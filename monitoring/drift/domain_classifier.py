"""The multivariate check of the drift job: a classifier between reference rows and live rows.

It sees changes that leave each column as it was, such as contract types that are permuted among customers. Equal rows
are in one fold, so that a repeated row cannot be recognized.
"""

import math
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from models.customer.contract import Contract, Labels, Matrix
from monitoring.drift.joint_drift import JointDrift

MOST_ROWS = 10_000
"""Most rows of each side, drawn at random."""
_FOLDS, _TREES, _LEAVES, _SEED = 5, 50, 8, 0
_LEAST_IN_FOLD = 10
"""Fewest rows of each side in a fold."""
_INFLATION = 1.5
"""Standard deviation of the mean ROC-AUC of the folds in units of that of independent ones, rounded up.

The folds depend on each other, since each row trains the models of the others; the study `drift_multivariate` measures
it.
"""
Models = Mapping[int, HistGradientBoostingClassifier]
"""Fold to the classifier that was fitted to the rows of the others."""


def check(
    contract: Contract,
    reference: pd.DataFrame,
    live: pd.DataFrame,
    *,
    without: Collection[str],
    false_alarm_rate: float,
    min_distance: float,
) -> JointDrift | str:
    """Compare the features together, without those that drifted by themselves; or return why that is not possible."""
    # The levels of an open category are ranked by the training rows, which tells these from others without a change.
    left = (one for one in contract.features if one.name not in without and one.kind != "open_category")
    contract = Contract(tuple(left))
    if len(contract.features) <= 1:
        return "fewer than two inputs are left that did not drift by themselves"
    sides = [_matrix(contract, table) for table in (reference, live)]
    rows, is_live = np.vstack(sides), np.repeat([0, 1], [len(side) for side in sides])
    hashes = pd.util.hash_pandas_object(pd.DataFrame(rows), index=False).to_numpy()
    order = np.lexsort((is_live, hashes))  # sums of floats depend on it
    rows, is_live, folds = rows[order], is_live[order], (hashes[order] % _FOLDS).astype(np.int64)
    counts = [np.bincount(is_live[folds == fold], minlength=2).tolist() for fold in range(_FOLDS)]
    if min(map(min, counts)) < _LEAST_IN_FOLD:
        return f"there are too few different rows for {_FOLDS} folds"
    with threadpool_limits(limits=1, user_api="openmp"):  # small fits are slower with more
        models = {fold: _fit(rows[folds != fold], is_live[folds != fold]) for fold in range(_FOLDS)}
        roc_auc = _roc_auc(models, rows, is_live, folds)
        limit = 0.5 + max(min_distance / 2, float(stats.norm.isf(false_alarm_rate)) * _deviation(counts))
        needed = _needed(contract, models, rows, is_live, folds, roc_auc) if roc_auc >= limit else {}
    return JointDrift(roc_auc, limit, (len(sides[0]), len(sides[1])), needed)


def _matrix(contract: Contract, table: pd.DataFrame) -> Matrix:
    drawn = table.sample(min(MOST_ROWS, len(table)), random_state=_SEED)
    matrix = contract.to_matrix(drawn)
    matrix[~np.isfinite(matrix)] = np.nan
    return matrix


def _fit(rows: Matrix, is_live: Labels) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=_TREES, max_leaf_nodes=_LEAVES, max_bins=63, early_stopping=False, random_state=_SEED
    )
    weights = len(rows) / (2 * np.bincount(is_live))
    return model.fit(rows, is_live, sample_weight=weights[is_live])


def _deviation(counts: Collection[Collection[int]]) -> float:
    """Return the standard deviation of the mean of the folds' ROC-AUC without a change (Mann and Whitney 1947)."""
    variances = [(sum(count) + 1) / (12 * math.prod(count)) for count in counts]
    return math.sqrt(sum(variances)) / len(variances) * _INFLATION


def _roc_auc(models: Models, rows: Matrix, is_live: Labels, folds: Labels) -> float:
    """Return the mean of the folds, each scored by the model that has not seen it."""
    found = []
    for fold, model in models.items():
        truth = is_live[folds == fold]
        ranks = stats.rankdata(model.decision_function(rows[folds == fold]))
        ones = int(truth.sum())
        above = ranks[truth == 1].sum() - ones * (ones + 1) / 2
        found.append(above / (ones * (len(truth) - ones)))
    return float(np.mean(found))


def _needed(
    contract: Contract, models: Models, rows: Matrix, is_live: Labels, folds: Labels, roc_auc: float
) -> dict[str, float]:
    """Return all features whose permutation lowers the ROC-AUC, with their share of all such falls."""
    random = np.random.default_rng(_SEED)
    falls = {}
    for name, columns in contract.matrix_slices.items():
        permuted = rows.copy()
        permuted[:, columns] = random.permutation(rows[:, columns])
        falls[name] = max(0.0, roc_auc - _roc_auc(models, permuted, is_live, folds))
    total = sum(falls.values()) or 1.0
    shares = {name: fall / total for name, fall in falls.items() if fall > 0}
    return dict(sorted(shares.items(), key=lambda one: -one[1]))
