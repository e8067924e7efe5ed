"""Estimates a changed churn rate from probabilities alone (Saerens, Latinne and Decaestecker 2002).

It assumes that only the shares of churners and stayers changed: those who churn look as churners did in training, and
those who stay as stayers did, and the model's probabilities were right then, as far as the test set can tell. Only
outcomes show whether that holds.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.bundles import quality
from models.bundles.calibration import log_odds
from models.bundles.quality import Figure, Groups
from models.bundles.recalibration import Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector
from monitoring.losses import decision_costs
from monitoring.losses.decision_costs import DRAWS, Saving

ASSUMPTION = "if churners and stayers still look as in training, and only their shares changed"
_STEPS, _TOLERANCE = 2_000, 1e-7
_NEWTON_STEPS = 8
_LEAST = 1e-6  # least share of either class
_SEED = 1
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LabelShift:
    """The churn rate that the probabilities of a period point to."""

    before: float
    """The churn rate on which the model's probabilities are based."""
    rate: Figure
    """The estimate with its 95 % interval."""
    saved: Saving
    """What decisions would cost less a customer with the intercept of the new rate.

    It is corrected if it is surely above zero, also where the rate is not sure.
    """

    @property
    def is_sure(self) -> bool:
        """Whether the rate has surely changed, and a new intercept surely saves."""
        return not self.rate.low <= self.before <= self.rate.high and self.saved.surely > 0


def estimate(probability: Vector, policy: RiskPolicy, *, before: float, before_rows: int) -> LabelShift:
    """Estimate the churn rate by expectation and maximization.

    `before` is the mean probability of the test set, of `before_rows` rows. Both intervals have the chance in the
    scores, and all that so many test rows leave open: their mean probability, and a slope and an intercept by which the
    probabilities may have been wrong before anything changed.
    """
    groups = quality.group(probability, policy)
    rate = _maximize(groups, before)
    drawn_rates, right = _draw(groups, rate, before, before_rows)
    reach = 1.96 * float(drawn_rates.std())
    line = Recalibration(1.0, _log_odds(rate) - _log_odds(before))
    figure = Figure(rate, max(rate - reach, 0.0), min(rate + reach, 1.0))
    saved = decision_costs.saved(line, right, groups, policy)
    return LabelShift(before, figure, saved.if_proposed())


def _maximize(groups: Groups, before: float) -> float:
    share, rows = groups.probability, groups.rows
    odds = (before / (1 - before)) / (share / (1 - share)).clip(1e-9, 1e9)  # of looking like a stayer
    rate = before
    for _ in range(_STEPS):
        churned = rate / (rate + (1 - rate) * odds)
        moved = min(max(float(churned @ rows / rows.sum()), _LEAST), 1 - _LEAST)
        rate, step = moved, abs(moved - rate)
        if step < _TOLERANCE:
            break
    return rate


def _draw(groups: Groups, rate: float, before: float, before_rows: int) -> tuple[Vector, Array]:
    """Draw rates (DRAWS,), and the churn rate of each group that goes with them, (DRAWS, groups).

    Each draw has a line of its own that may have corrected the probabilities of the test set, and the most likely rate
    with it, with chance added.
    """
    rng, share = np.random.default_rng(_SEED), groups.probability
    then = groups.rows / (rate / before * share + (1 - rate) / (1 - before) * (1 - share))
    then = then / then.sum()  # as the customers were distributed before
    score = log_odds(share)
    ends = rng.multivariate_normal([0.0, 0.0], _left_open(share, then, before_rows), DRAWS, method="eigh")
    away = ends[:, :1] * score + ends[:, 1:]
    right = 1 / (1 + np.exp(-(score + away).clip(-500, 500)))
    spread = float(then @ (share - then @ share) ** 2)
    means = before + (right - share) @ then + rng.standard_normal(DRAWS) * math.sqrt(spread / before_rows)
    means = means.clip(_LEAST, 1 - _LEAST)[:, np.newaxis]
    found, deviations = _newton(right / means, (1 - right) / (1 - means), groups.rows, rate)
    rates = (found + rng.standard_normal(DRAWS) * deviations).clip(_LEAST, 1 - _LEAST)
    moved = score + away + (log_odds(rates) - log_odds(means[:, 0]))[:, np.newaxis]
    return rates, 1 / (1 + np.exp(-moved.clip(-500, 500)))


def _newton(churner: Array, stayer: Array, rows: Vector | Array, rate: float) -> tuple[Vector, Vector]:
    """Return the most likely rate of each draw of the likelihoods (draws, groups), and its standard deviation."""
    found = np.full((len(churner), 1), rate)
    information = np.ones((len(churner), 1))
    for _ in range(_NEWTON_STEPS):
        slope = (churner - stayer) / (found * churner + (1 - found) * stayer)
        information = (rows * slope**2).sum(1, keepdims=True).clip(1e-12)
        found = (found + (rows * slope).sum(1, keepdims=True) / information).clip(_LEAST, 1 - _LEAST)
    return found[:, 0], 1 / np.sqrt(information[:, 0])


def _left_open(probability: Vector, share: Vector, rows: int) -> npt.NDArray[np.float64]:
    """Return the covariance of a line that is fitted to so many calibrated rows, (2, 2)."""
    score = log_odds(probability)
    weight = rows * share * probability * (1 - probability)
    design = np.stack([score, np.ones(len(score))])
    return np.asarray(np.linalg.pinv((design * weight) @ design.T), dtype=np.float64)


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))
