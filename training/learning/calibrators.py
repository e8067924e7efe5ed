"""Which map from scores to probabilities is needed, judged on rows that the map did not see."""

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from models.bundles.calibration import Calibration, Method, log_odds
from models.customer.contract import Labels, Vector
from training.data.splitting import Rows

_KNOTS = 100
"""Most of them. Between few knots no step is so steep that the last digit of a score would matter."""
_METHODS: tuple[Method, ...] = ("none", "sigmoid", "isotonic")
"""The simplest first."""


def choose(probability: Vector, churned: Labels, fold: Rows) -> tuple[Calibration, dict[Method, float]]:
    """Return the simplest map that is as good as the best, made from all rows, and the log loss of every method.

    As good is what lies within one standard error of the difference (Breiman 1984): what is less may be chance, and
    a map that is not needed adds its own error. `probability` are out-of-fold scores and `fold` the number of their
    fold, both (n,); each fold is judged by maps made from the others.
    """
    losses = {method: _judge(method, probability, churned, fold) for method in _METHODS}
    best = min(_METHODS, key=lambda method: losses[method].mean())
    chosen = next(method for method in _METHODS if _is_as_good(losses[method] - losses[best]))
    return make(chosen, probability, churned), {method: float(loss.mean()) for method, loss in losses.items()}


def _is_as_good(worse_by: Vector) -> bool:
    return bool(worse_by.mean() <= worse_by.std(ddof=1) / np.sqrt(len(worse_by)))


def make(method: Method, probability: Vector, churned: Labels) -> Calibration:
    """Fit one map."""
    if method == "sigmoid":
        line = LogisticRegression(C=np.inf).fit(log_odds(probability)[:, np.newaxis], churned)
        slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
        # Scores that rank customers the wrong way round have no map that keeps their order.
        return Calibration(method="sigmoid", slope=slope, intercept=intercept) if slope > 0 else Calibration()
    if method == "isotonic":
        return Calibration(method="isotonic", knots=_knots(probability, churned))
    return Calibration()


def _judge(method: Method, probability: Vector, churned: Labels, fold: Rows) -> Vector:
    """Return the loss of each row by a map that did not see it."""
    calibrated = np.empty_like(probability)
    for number in np.unique(fold):
        inside = fold == number
        calibrated[inside] = make(method, probability[~inside], churned[~inside]).apply(probability[inside])
    happened = np.where(churned == 1, calibrated, 1 - calibrated)
    return np.asarray(-np.log(np.maximum(happened, np.finfo(np.float64).eps)))


def _knots(probability: Vector, churned: Labels) -> list[tuple[float, float]]:
    """Return the centres of the levels of an isotonic regression over hundredths of the rows, those alike together.

    Straight lines between centres keep the order of customers, which level steps would lose (Oron and Flournoy 2017).
    """
    edges = np.quantile(probability, np.arange(1, _KNOTS) / _KNOTS)
    _, group = np.unique(np.searchsorted(edges, probability, side="right"), return_inverse=True)
    rows = np.bincount(group)
    said, happened = (np.bincount(group, weights=values) / rows for values in (probability, churned))
    # Nobody is certain to stay or to leave, whatever became of the few rows of a level.
    least = 1 / (len(probability) + 2)
    regression = IsotonicRegression(y_min=least, y_max=1 - least)
    fitted = regression.fit_transform(said, happened, sample_weight=rows).round(12)
    levels, level_of = np.unique(fitted, return_inverse=True)
    centres = np.bincount(level_of, weights=said * rows) / np.bincount(level_of, weights=rows)
    return list(zip(centres.tolist(), levels.tolist(), strict=True))
