"""The expected cost of decisions, from probabilities that are believed to be right."""

import numpy as np
import numpy.typing as npt

from models.bundles import quality
from models.bundles.quality import Figure
from models.bundles.recalibration import Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector

DRAWS = 500
_SEED = 0  # the same rows give the same intervals


def saved_by(line: Recalibration, probability: Vector, policy: RiskPolicy) -> Figure:
    """Estimate what decisions cost less a customer with the line than without it, at the prices of the policy.

    The line is believed to be right up to its covariance: the interval has 95 % of the savings if the truth is drawn
    from it. It needs no outcomes beyond those of the line, so its interval is a fraction of that of measured costs. Its
    low end is negative unless the outcomes surely ask for another map.
    """
    groups = quality.group(probability, policy)
    served, rows = groups.probability, groups.rows / groups.rows.sum()
    gained = groups.cost - cost_of(line.apply(served), policy.at_break_even)
    rng = np.random.default_rng(_SEED)
    drawn = rng.multivariate_normal([line.slope, line.intercept], np.array(line.covariance), DRAWS, method="eigh")
    savings = np.array([_mean(Recalibration(*one).apply(served), gained, rows) for one in drawn.tolist()])
    low, high = np.quantile(savings, [0.025, 0.975])
    return Figure(_mean(line.apply(served), gained, rows), float(low), float(high))


def expected(line: Recalibration, probability: Vector, policy: RiskPolicy) -> float:
    """Return what decisions cost a customer as they are served, if the line is right."""
    groups = quality.group(probability, policy)
    return _mean(line.apply(groups.probability), groups.cost, groups.rows / groups.rows.sum())


def cost_of(probability: Vector, policy: RiskPolicy) -> npt.NDArray[np.float64]:
    """Return the cost of a customer of each probability who stays, and of one who churns, (2, n)."""
    bounds = sorted({policy.threshold, policy.medium_from, policy.high_from})
    costs = np.array([policy.cost(one) for one in (0.0, *bounds)])
    return np.asarray(costs[np.searchsorted(bounds, probability, side="right")].T)


def _mean(probability: Vector, cost: npt.NDArray[np.float64], rows: Vector) -> float:
    return float((rows * ((1 - probability) * cost[0] + probability * cost[1])).sum())
