"""The expected cost of decisions, from churn rates that may be right."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.bundles import quality
from models.bundles.quality import Figure, Groups
from models.bundles.recalibration import Array, Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector

DRAWS = 500
_SEED = 0  # the same rows give the same intervals
_JOINT = 1.249
"""Reach of the joint 95 % region of two normal numbers in one direction, in units of that of one number."""


@dataclass(frozen=True)
class Saving(Figure):
    """What a new map saves, with an interval that holds for each map that chance may choose."""

    surely: float
    """Low end of the 95 % interval of this one map. The map surely saves if it is positive."""


def saved_by(line: Recalibration, probability: Vector, policy: RiskPolicy) -> Saving:
    """Estimate what decisions cost less a customer with the line than without it, at the prices of the policy.

    The line is believed to be right up to its covariance. It needs no outcomes beyond those of the line, so its
    interval is a fraction of that of measured costs. Its low end is negative unless the outcomes surely ask for another
    map.
    """
    groups = quality.group(probability, policy)
    rng = np.random.default_rng(_SEED)
    drawn = rng.multivariate_normal(line.ends, np.array(line.covariance), DRAWS, method="eigh")
    rates = np.array([Recalibration(*one).apply(groups.probability) for one in drawn.tolist()])
    return saved(line, rates, groups, policy)


def saved(line: Recalibration, rates: Array, groups: Groups, policy: RiskPolicy) -> Saving:
    """Return what decisions cost less with the line if it is right, and at 95 % of the churn rates (draws, groups).

    Chance may have chosen the line, and so which customers get another decision, and a saving that is only just sure is
    often a lucky one. So the interval holds for each such choice at once: it has the width of the joint 95 % region of
    slope and intercept. It ends at zero where the saving is surely above.
    """
    share = groups.rows / groups.rows.sum()
    gained = groups.cost - cost_of(line.apply(groups.probability), policy.at_break_even)
    value = float(_mean(line.apply(groups.probability), gained, share))
    low, high = np.quantile(_mean(rates, gained, share), [0.025, 0.975]).tolist()
    surely = min(low, value)
    wide = value - _JOINT * (value - surely), value + _JOINT * max(high - value, 0.0)
    return Saving(value, max(wide[0], 0.0) if surely > 0 else wide[0], wide[1], surely)


def expected(line: Recalibration, probability: Vector, policy: RiskPolicy) -> float:
    """Return what decisions cost a customer as they are served, if the line is right."""
    groups = quality.group(probability, policy)
    return float(_mean(line.apply(groups.probability), groups.cost, groups.rows / groups.rows.sum()))


def cost_of(probability: Vector, policy: RiskPolicy) -> npt.NDArray[np.float64]:
    """Return the cost of a customer of each probability who stays, and of one who churns, (2, n)."""
    bounds = sorted({policy.threshold, policy.medium_from, policy.high_from})
    costs = np.array([policy.cost(one) for one in (0.0, *bounds)])
    return np.asarray(costs[np.searchsorted(bounds, probability, side="right")].T)


def _mean(rates: Array, cost: npt.NDArray[np.float64], rows: Vector) -> Array:
    """Return the mean cost of a customer at rates (..., groups)."""
    return np.asarray((1 - rates) @ (rows * cost[0]) + rates @ (rows * cost[1]))
