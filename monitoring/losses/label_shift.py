"""Estimates a changed churn rate from probabilities alone (Saerens, Latinne and Decaestecker 2002).

It assumes that only the shares of churners and stayers changed: those who churn look as churners did in training, and
those who stay as stayers did, and the model's probabilities were right then. Only outcomes show whether that holds.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.bundles import quality
from models.bundles.calibration import log_odds
from models.bundles.quality import Figure
from models.bundles.recalibration import Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector
from monitoring.losses import decision_costs

ASSUMPTION = "if churners and stayers still look as in training, and only their shares changed"
_STEPS, _TOLERANCE = 2_000, 1e-7
_LEAST = 1e-6  # least share of either class


@dataclass(frozen=True)
class LabelShift:
    """The churn rate that the probabilities of a period point to."""

    before: float
    """The churn rate on which the model's probabilities are based."""
    rate: Figure
    """The estimate with its 95 % interval."""
    saved: Figure
    """What decisions would cost less a customer with the intercept of the new rate."""

    @property
    def is_sure(self) -> bool:
        """Whether the rate has surely changed, and a new intercept surely saves."""
        return not self.rate.low <= self.before <= self.rate.high and self.saved.low > 0


def estimate(probability: Vector, policy: RiskPolicy, *, before: float, before_rows: int) -> LabelShift:
    """Estimate the churn rate by expectation and maximization.

    `before` is the mean probability of the test set, of `before_rows` rows. The interval of the rate has the curvature
    of the likelihood, and the chance that the test set adds. That of the saving also has what so many test rows leave
    open of the slope and intercept of right probabilities.
    """
    groups = quality.group(probability, policy)
    share, rows = groups.probability, groups.rows
    odds = (before / (1 - before)) / (share / (1 - share)).clip(1e-9, 1e9)  # of looking like a stayer
    rate = before
    for _ in range(_STEPS):
        churned = rate / (rate + (1 - rate) * odds)
        moved = min(max(float(churned @ rows / rows.sum()), _LEAST), 1 - _LEAST)
        rate, step = moved, abs(moved - rate)
        if step < _TOLERANCE:
            break
    mixed = rate + (1 - rate) * odds
    information = float((rows * ((1 - odds) / mixed) ** 2).sum())
    spread = float(np.average((share - probability.mean()) ** 2, weights=rows))
    deviation = math.sqrt(1 / max(information, 1e-12) + spread / before_rows)
    covariance = _left_open(share, rows / rows.sum(), before_rows)
    covariance[1, 1] += (deviation / (rate * (1 - rate))) ** 2  # of the log-odds of the rate (delta method)
    (slope, both), (_, intercept) = covariance.tolist()
    line = Recalibration(1.0, _log_odds(rate) - _log_odds(before), ((slope, both), (both, intercept)))
    reach = 1.96 * deviation
    figure = Figure(rate, max(rate - reach, 0.0), min(rate + reach, 1.0))
    return LabelShift(before, figure, decision_costs.saved_by(line, probability, policy))


def _left_open(probability: Vector, share: Vector, rows: int) -> npt.NDArray[np.float64]:
    """Return the covariance of a line that is fitted to so many calibrated rows, (2, 2)."""
    score = log_odds(probability)
    weight = rows * share * probability * (1 - probability)
    design = np.stack([score, np.ones(len(score))])
    return np.asarray(np.linalg.pinv((design * weight) @ design.T), dtype=np.float64)


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))
