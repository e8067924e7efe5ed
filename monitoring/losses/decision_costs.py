"""The expected cost of decisions, from churn rates that may be right."""

import numpy as np
import numpy.typing as npt

from models.bundles import quality
from models.bundles.quality import Figure, Groups
from models.bundles.recalibration import Array, Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector

DRAWS = 500
_SEED = 0  # the same rows give the same intervals


def saved_by(line: Recalibration, right: Recalibration, probability: Vector, policy: RiskPolicy) -> Figure:
    """Estimate what decisions cost less a customer with the line than without it, at the prices of the policy.

    `right` is the line that the outcomes ask for, with the covariance that they leave: the interval has 95 % of the
    savings if the truth is drawn from it. A line whose slope was set to 1 is not the best estimate of the truth, so
    believing it would promise too much. The interval needs no outcomes beyond those of the line, so it is a fraction of
    that of measured costs. Its low end is negative unless the outcomes surely ask for another map.
    """
    groups = quality.group(probability, policy)
    rng = np.random.default_rng(_SEED)
    drawn = rng.multivariate_normal(right.ends, np.array(right.covariance), DRAWS, method="eigh")
    rates = np.array([Recalibration(*one).apply(groups.probability) for one in drawn.tolist()])
    return saved(line, right.apply(groups.probability), rates, groups, policy)


def saved(line: Recalibration, rates: Vector, drawn: Array, groups: Groups, policy: RiskPolicy) -> Figure:
    """Return what decisions cost less with the line at the churn rates (groups,), and at 95 % of those drawn.

    `drawn` (draws, groups) has the rates that may be right as well.
    """
    rows = groups.rows / groups.rows.sum()
    gained = groups.cost - cost_of(line.apply(groups.probability), policy.at_break_even)
    low, high = np.quantile(_mean(drawn, gained, rows), [0.025, 0.975])
    value = float(_mean(rates, gained, rows))
    return Figure(value, min(float(low), value), max(float(high), value))


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
