"""Feature importance of a fitted model: by split gain and by permutation."""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from models.bundles.manifest import Importance
from models.customer.contract import Contract, Labels, Matrix, Vector

_REPEATS, _ROWS = 5, 20_000
_CURVE_POINTS, _CURVE_ROWS = 24, 1_000


def measure(
    classifier: XGBClassifier, matrix: Matrix, churned: Labels, contract: Contract, *, seed: int
) -> dict[str, Importance]:
    """Measure both, on at most 20,000 rows; the columns of a category are shuffled together, and their gains added."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(matrix))[:_ROWS]
    matrix, churned = matrix[rows], churned[rows]
    gains = classifier.get_booster().get_score(importance_type="total_gain")
    gain_of = np.array([gains.get(f"f{column}", 0.0) for column in range(matrix.shape[1])])
    whole = float(roc_auc_score(churned, classifier.predict_proba(matrix)[:, 1]))
    found = {}
    for name, columns in contract.matrix_slices.items():
        lost = []
        for _ in range(_REPEATS):
            shuffled = matrix.copy()
            shuffled[:, columns] = rng.permutation(shuffled[:, columns])
            lost.append(whole - roc_auc_score(churned, classifier.predict_proba(shuffled)[:, 1]))
        gain = gain_of[columns].sum() / (gain_of.sum() or 1)
        found[name] = Importance(gain=float(gain), permutation=float(np.mean(lost)))
    return found


def dependence(
    predict: Callable[[Matrix], Vector], matrix: Matrix, contract: Contract, *, seed: int
) -> Mapping[str, tuple[list[str] | Vector, Vector]]:
    """Compute for each feature the mean probability when every customer has one value of it.

    Numbers at quantiles of their values, categories by label; over at most 1,000 rows, the others as they are.
    """
    rows = matrix[np.random.default_rng(seed).permutation(len(matrix))[:_CURVE_ROWS]]
    found: dict[str, tuple[list[str] | Vector, Vector]] = {}
    for feature in contract.features:
        at = contract.matrix_slices[feature.name]
        if feature.kind == "category":
            values: Matrix = np.eye(at.stop - at.start, dtype=np.float32)
            shown: list[str] | Vector = list(feature.labels)
        else:
            known = matrix[:, at.start][~np.isnan(matrix[:, at.start])]
            points = np.unique(np.quantile(known, np.linspace(0.01, 0.99, _CURVE_POINTS))) if len(known) else known
            values, shown = points[:, np.newaxis].astype(np.float32), points.astype(np.float64)
        found[feature.name] = shown, np.array([float(predict(_with(rows, at, value)).mean()) for value in values])
    return found


def _with(rows: Matrix, columns: slice, value: Matrix) -> Matrix:
    changed = rows.copy()
    changed[:, columns] = value
    return changed
