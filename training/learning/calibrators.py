"""Chooses the calibration map, by log loss on rows that the map was not fitted on."""

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from models.bundles.calibration import Calibration, Method, log_odds
from models.customer.contract import Labels, Vector
from training.data.splitting import Rows

_KNOTS = 100
"""Most knots of a map: with few knots, no segment is so steep that the last digit of a score matters."""
_METHODS: tuple[Method, ...] = ("none", "sigmoid", "isotonic")
"""In order of complexity, the simplest first."""


def choose(probability: Vector, churned: Labels, fold: Rows) -> tuple[Calibration, dict[Method, float]]:
    """Return the simplest map that is as good as the best, fitted on all rows, and the log loss of every method.

    A map is as good as the best if its log loss is within one standard error of the difference (Breiman 1984). A
    smaller difference may be chance, and a map that is not needed adds its own error. `probability` are out-of-fold
    scores and `fold` their fold numbers, both (n,); each fold is evaluated with maps fitted on the other folds.
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
        # Scores that rank customers in reverse order have no increasing map.
        return Calibration(method="sigmoid", slope=slope, intercept=intercept) if slope > 0 else Calibration()
    if method == "isotonic":
        return Calibration(method="isotonic", knots=_knots(probability, churned))
    return Calibration()


def _judge(method: Method, probability: Vector, churned: Labels, fold: Rows) -> Vector:
    """Return the log loss of each row, with a map that was not fitted on it."""
    calibrated = np.empty_like(probability)
    for number in np.unique(fold):
        inside = fold == number
        calibrated[inside] = make(method, probability[~inside], churned[~inside]).apply(probability[inside])
    of_outcome = np.where(churned == 1, calibrated, 1 - calibrated)
    return np.asarray(-np.log(np.maximum(of_outcome, np.finfo(np.float64).eps)))


def _knots(probability: Vector, churned: Labels) -> list[tuple[float, float]]:
    """Return the centres of the levels of an isotonic regression over 100 groups of rows with similar scores.

    Linear interpolation between centres keeps the order of customers; a step function would not (Oron and Flournoy
    2017).
    """
    edges = np.quantile(probability, np.arange(1, _KNOTS) / _KNOTS)
    _, group = np.unique(np.searchsorted(edges, probability, side="right"), return_inverse=True)
    rows = np.bincount(group)
    mean_score, churn_rate = (np.bincount(group, weights=values) / rows for values in (probability, churned))
    # No customer is certain to stay or to churn, even if all the few rows of a level had the same outcome.
    least = 1 / (len(probability) + 2)
    regression = IsotonicRegression(y_min=least, y_max=1 - least)
    fitted = regression.fit_transform(mean_score, churn_rate, sample_weight=rows).round(12)
    levels, level_of = np.unique(fitted, return_inverse=True)
    centres = np.bincount(level_of, weights=mean_score * rows) / np.bincount(level_of, weights=rows)
    return list(zip(centres.tolist(), levels.tolist(), strict=True))
