"""Feature importance of a fitted model, by split gain and by permutation, and partial dependence."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from models.bundles.manifest import Importance
from models.customer.contract import Contract, Labels, Matrix, Vector
from models.customer.kinds.learned_levels import NEW, RARE

_REPEATS, _ROWS = 5, 20_000
_CURVE_POINTS, _CURVE_ROWS, _CURVE_LEVELS = 24, 1_000, 8


def measure(
    classifier: XGBClassifier, matrix: Matrix, churned: Labels, contract: Contract, *, seed: int
) -> dict[str, Importance]:
    """Compute both importances of each feature, on at most 20,000 rows.

    The columns of a category are permuted together, and their gains are added.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(matrix))[:_ROWS]
    matrix, churned = matrix[rows], churned[rows]
    gains = classifier.get_booster().get_score(importance_type="total_gain")
    gain_of = np.array([gains.get(f"f{column}", 0.0) for column in range(matrix.shape[1])])
    whole = float(roc_auc_score(churned, classifier.predict_proba(matrix)[:, 1]))
    found = {}
    permuted = matrix.copy()  # once, because a wide matrix takes as long to copy as to predict
    for name, columns in contract.matrix_slices.items():
        lost = []
        for _ in range(_REPEATS):
            permuted[:, columns] = rng.permutation(matrix[:, columns])
            lost.append(whole - roc_auc_score(churned, classifier.predict_proba(permuted)[:, 1]))
        permuted[:, columns] = matrix[:, columns]
        gain = gain_of[columns].sum() / (gain_of.sum() or 1)
        found[name] = Importance(gain=float(gain), permutation=float(np.mean(lost)))
    return found


def dependence(
    predict: Callable[[Matrix], Vector],
    matrix: Matrix,
    contract: Contract,
    *,
    names: Collection[str] | None = None,
    seed: int,
) -> Mapping[str, tuple[list[str] | Vector, Vector]]:
    """Compute the partial dependence: the mean probability if every customer had the same value of a feature.

    Numbers are evaluated at quantiles, categories at each label, open categories at the most frequent levels, the rare
    ones, and one that was never seen. The mean is over at most 1,000 rows, whose other features stay unchanged. `names`
    are the features to evaluate; None for all.
    """
    rows = matrix[np.random.default_rng(seed).permutation(len(matrix))[:_CURVE_ROWS]]
    found: dict[str, tuple[list[str] | Vector, Vector]] = {}
    for feature in contract.features:
        if names is not None and feature.name not in names:
            continue
        at = contract.matrix_slices[feature.name]
        if feature.kind == "category":
            values: Matrix = np.eye(at.stop - at.start, dtype=np.float32)
            shown: list[str] | Vector = list(feature.labels)
        elif feature.kind == "open_category":
            codes = {level: float(code) for code, level in enumerate(feature.kept_levels[:_CURVE_LEVELS])}
            if len(feature.levels) > len(feature.kept_levels):
                codes[RARE] = float(len(feature.kept_levels))
            codes[NEW] = np.nan
            values, shown = np.array([[*codes.values()]], dtype=np.float32).T, [*codes]
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
