"""Logistic recalibration: how far served probabilities are from the outcomes, as a slope and an intercept.

log-odds(recalibrated) = intercept + slope * log-odds(served), fitted to the outcomes by maximum likelihood (Cox 1958).
Calibrated probabilities have slope 1 and intercept 0. A slope below 1 means that the probabilities are too extreme.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from models.bundles.calibration import log_odds
from models.customer.contract import Labels, Vector

Array = npt.NDArray[Any]
CALIBRATED = (1.0, 0.0)
"""Slope and intercept of calibrated probabilities."""
AT_BOUNDS = ("churned_at_medium_bound", "churned_at_high_bound")
"""The shares that churned, by the line, of customers whose probability is a bound of the tiers."""
FIGURES = ("calibration_error", "calibration_slope", "calibration_intercept", *AT_BOUNDS)
_DEVIATIONS, _JOINT = 1.959964, 5.991465
"""95 % quantiles: of a normal distribution to both sides, and of chi-squared with two degrees of freedom."""
_ANGLES = np.linspace(0, 2 * np.pi, 73)[:-1]
_FARTHEST = 500  # largest log-odds, so that exp does not overflow float64
_PRIOR = 1e-6
"""Precision of a prior around slope 1 and intercept 0; it only matters where the outcomes leave the line open."""
_STEPS, _TOLERANCE = 50, 1e-7
_LEAST_BEYOND = 20
"""Fewest draws beyond a quantile."""


@dataclass(frozen=True)
class Recalibration:
    """A fitted line, and the covariance of its slope and intercept, in this order."""

    slope: float
    intercept: float
    covariance: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))

    @property
    def ends(self) -> Array:
        """Slope and intercept, (2,)."""
        return np.array([self.slope, self.intercept])

    @property
    def slope_interval(self) -> tuple[float, float]:
        """The 95 % interval of the slope (Wald)."""
        return _interval(self.slope, self.covariance[0][0])

    @property
    def intercept_interval(self) -> tuple[float, float]:
        """The 95 % interval of the intercept (Wald)."""
        return _interval(self.intercept, self.covariance[1][1])

    @property
    def may_be_calibrated(self) -> bool:
        """Whether the joint 95 % region of slope and intercept contains 1 and 0."""
        away = np.array(CALIBRATED) - (self.slope, self.intercept)
        # The small number stands for a line without a covariance, which is exact.
        return bool(away @ np.linalg.solve(np.array(self.covariance) + 1e-18 * np.eye(2), away) <= _JOINT)

    def apply(self, probability: Vector) -> Vector:
        """Return recalibrated probabilities, (n,) in [0, 1]."""
        return apply(probability, self.ends)

    def interval_at(self, probability: float) -> tuple[float, float]:
        """Return the 95 % interval of the recalibrated probability of one probability."""
        place = np.array([float(log_odds(np.array([probability]))[0]), 1.0])
        ends = _interval(float(place @ (self.slope, self.intercept)), float(place @ np.array(self.covariance) @ place))
        low, high = (1 / (1 + np.exp(-np.clip(ends, -_FARTHEST, _FARTHEST)))).tolist()
        return low, high


def fit(
    probability: Vector, churned: Labels | Vector, *, weights: Array | None = None, customers: Labels | None = None
) -> Recalibration:
    """Fit the line to probabilities and outcomes, (n,) each; an outcome may also be a share of churners.

    `weights` (n,) counts a row as so many rows; None means 1. `customers` (n,) numbers the customer of each row from
    0, whose rows may resemble each other; None if each row is of a customer of its own. A million rows take a second.
    """
    rows = np.ones(len(probability)) if weights is None else weights
    score = log_odds(probability)
    found, precision = _maximize(score, rows * churned, rows)
    covariance = np.linalg.inv(precision)
    if customers is not None:
        surprise = rows * (churned - _apply(score, found))
        sums = np.stack([np.bincount(customers, weights=surprise * one) for one in (score, np.ones(len(score)))])
        covariance = covariance @ (sums @ sums.T) @ covariance  # Liang and Zeger 1986
    (variance, both), (_, other) = covariance.tolist()
    return Recalibration(float(found[0]), float(found[1]), ((variance, both), (both, other)))


def apply(probability: Vector, line: Array) -> Array:
    """Return the probabilities (n,) that lines (..., 2) of slope and intercept make of others, (..., n)."""
    return _apply(log_odds(probability), line)


def simplest(probability: Vector, churned: Labels, *, customers: Labels | None = None) -> Recalibration:
    """Fit the line, or the intercept alone with slope 1, if the outcomes do not surely ask for another slope.

    A changed churn rate moves the intercept; another slope needs several times the outcomes. The covariance is that of
    the whole line: a slope that is set to 1 is not known to be 1.
    """
    line = fit(probability, churned, customers=customers)
    low, high = line.slope_interval
    if line.slope > 0 and not low <= 1 <= high:
        return line
    return Recalibration(1.0, _intercept(probability, churned), line.covariance)


def _intercept(probability: Vector, churned: Labels) -> float:
    score, intercept = log_odds(probability), 0.0
    for _ in range(_STEPS):
        moved = _apply(score, np.array([1.0, intercept]))
        precision = float((moved * (1 - moved)).sum()) + _PRIOR
        step = (float((churned - moved).sum()) - _PRIOR * intercept) / precision
        intercept += min(max(step, -1.0), 1.0)
        if abs(step) < _TOLERANCE:
            break
    return intercept


def lines(probability: Vector, churned: Array, rows: Array) -> Array:
    """Fit a line to each row of counts of churners, (..., groups), of so many rows in each group; (..., 2) ends."""
    return _maximize(log_odds(probability), churned, rows)[0]


def error(probability: Vector, recalibration: Recalibration, *, weights: Array | None = None) -> float:
    """Return the mean distance of probabilities (n,) from the recalibrated ones, the calibration error."""
    return float(errors(probability, recalibration.ends, np.ones(len(probability)) if weights is None else weights))


def errors(probability: Vector, line: Array, rows: Array) -> Array:
    """Return the calibration error of each line, (...) for (..., 2); the group of a probability has so many rows."""
    away = np.abs(_apply(log_odds(probability), line) - probability)
    return np.asarray((away * rows).sum(-1) / rows.sum(-1))


def exceeded(errors_by_chance: Array, rate: float) -> float:
    """Return the calibration error that drawn ones exceed at this rate.

    With fewer than 20 draws beyond it, it is extrapolated from the error that 20 exceed, by a half-normal tail: the
    longest that the size of two normal numbers has, such as slope and intercept.
    """
    drawn = max(rate, _LEAST_BEYOND / len(errors_by_chance))
    error = float(np.quantile(errors_by_chance, 1 - drawn))
    if rate >= drawn:
        return error
    asked, known = (NormalDist().inv_cdf(max(one, 1e-300) / 2) for one in (rate, drawn))
    return error * asked / known


def error_interval(
    probability: Vector, recalibration: Recalibration, *, weights: Array | None = None
) -> tuple[float, float]:
    """Return an interval that contains the calibration error in at least 95 % of samples.

    It has the errors of all lines of the joint 95 % region of slope and intercept. The error grows along each ray from
    the calibrated line, so its ends lie on the edge of the region; the lower one is 0 if the calibrated line is inside.
    """
    rows = np.ones(len(probability)) if weights is None else weights
    centre = recalibration.ends
    values, vectors = np.linalg.eigh(np.array(recalibration.covariance))
    root = vectors * np.sqrt(np.maximum(values, 0) * _JOINT)
    edge = centre + np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1) @ root.T
    found = [float(errors(probability, one, rows)) for one in (centre, *edge)]
    return (0.0 if recalibration.may_be_calibrated else min(found)), max(found)


def figures(probability: Vector, line: Array, rows: Array, *, bounds: Vector) -> dict[str, Array]:
    """Return the figures of each of the lines (..., 2), by the names of `FIGURES`."""
    at_bounds = np.moveaxis(apply(bounds, line), -1, 0)
    return dict(zip(FIGURES, (errors(probability, line, rows), line[..., 0], line[..., 1], *at_bounds), strict=True))


def intervals(
    probability: Vector, recalibration: Recalibration, rows: Array, *, bounds: Vector
) -> dict[str, tuple[float, float]]:
    """Return the 95 % interval of each figure, by the names of `FIGURES`."""
    found = (
        error_interval(probability, recalibration, weights=rows),
        recalibration.slope_interval,
        recalibration.intercept_interval,
        *map(recalibration.interval_at, bounds.tolist()),
    )
    return dict(zip(FIGURES, found, strict=True))


def in_words(forecast: float, low: float, high: float) -> str:
    """Say how many of 100 customers with a forecast churned; the interval is that of the line at the forecast.

    >>> in_words(0.4, 0.3712, 0.4189)
    'of 100 customers with a forecast of 40 %, 37 to 42 churned'
    """
    return f"of 100 customers with a forecast of {100 * forecast:.3g} %, {100 * low:.0f} to {100 * high:.0f} churned"


def _maximize(score: Vector, churned: Array, rows: Array) -> tuple[Array, Array]:
    """Return the most likely lines (..., 2), and the precision of each, (..., 2, 2).

    Newton's steps move no log-odds by more than 1, so that they cannot overshoot (Bach 2010).
    """
    line = np.broadcast_to(CALIBRATED, (*churned.shape[:-1], 2)).astype(np.float64)
    reach = float(np.abs(score).max(initial=0.0))
    for _ in range(_STEPS):
        probability = _apply(score, line)
        surprise, spread = churned - rows * probability, rows * probability * (1 - probability)
        rise = _moments(surprise, score, 1) - _PRIOR * (line - CALIBRATED)
        none, once, twice = np.moveaxis(_moments(spread, score, 2), -1, 0)[::-1]
        precision = np.moveaxis(np.array([[twice, once], [once, none]]), (0, 1), (-2, -1)) + _PRIOR * np.eye(2)
        step = np.linalg.solve(precision, rise[..., np.newaxis])[..., 0]
        moved = np.abs(step[..., 0]) * reach + np.abs(step[..., 1])
        line = line + step / np.maximum(moved, 1)[..., np.newaxis]
        if moved.max() < _TOLERANCE:
            break
    return line, precision


def _moments(weight: Array, score: Vector, highest: int) -> Array:
    """Return the sums of weights times powers of the scores, the highest power first, (..., highest + 1).

    It is no matrix product: those start threads, which wait for one another where the processor has other work.
    """
    found = [weight.sum(-1)]
    for _ in range(highest):
        weight = weight * score
        found.insert(0, weight.sum(-1))
    return np.stack(found, axis=-1)


def _apply(score: Vector, line: Array) -> Array:
    moved = line[..., :1] * score + line[..., 1:]
    return np.asarray(1 / (1 + np.exp(-np.clip(moved, -_FARTHEST, _FARTHEST))))


def _interval(value: float, variance: float) -> tuple[float, float]:
    reach = _DEVIATIONS * float(np.sqrt(max(variance, 0)))
    return value - reach, value + reach
