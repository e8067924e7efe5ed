"""The expected cost of decisions, from churn rates that may be right."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from models.bundles import quality
from models.bundles.quality import Figure, Groups
from models.bundles.recalibration import Array, Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector

DRAWS = 500
_SEED = 0  # the same rows give the same intervals
_DEVIATIONS = 1.96
_DIGITS = 3  # of a figure near zero
_JOINT = 1.249
"""Reach of the joint 95 % region of two normal numbers in one direction, in units of that of one number."""


@dataclass(frozen=True)
class Saving(Figure):
    """What a new map saves, with an interval that holds for each map that chance may choose."""

    surely: float
    """Low end of the 95 % interval of this one map. The map surely saves if it is positive."""
    uncorrected: float
    """The value if it is shown in any case, and not only where it is sure."""

    def __str__(self) -> str:
        """Write value and interval; a saving that is surely above zero is not written as zero."""
        if self.surely <= 0 or round(self.value, _DIGITS) > 0:
            return super().__str__()
        return f"less than {10**-_DIGITS:g} (up to {self.high:.{_DIGITS}f})"

    def if_proposed(self, limit: float = 0.0) -> "Saving":
        """Return the saving as it is shown if it is only shown where `surely` is above the limit.

        Lucky estimates pass a limit more often than unlucky ones, so those that passed are too high on average. The
        value becomes the median-unbiased estimate of a normal number that is seen only above a limit, but at least what
        is surely saved beyond the limit, so it may be below the limit itself. Near the limit, its mean is too high; its
        median is not. The low end becomes that of the same distribution where this is lower, but at
        least zero. A saving that is not surely above the limit is returned as it is.
        """
        deviation = (self.uncorrected - self.surely) / _DEVIATIONS
        if self.surely <= limit or not deviation:
            return self
        least = limit + _DEVIATIONS * deviation
        low, middle = (_passed(self.uncorrected, least, deviation, share) for share in (0.025, 0.5))
        return replace(self, value=max(middle, self.surely - limit), low=min(self.low, low))


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
    return Saving(value, max(wide[0], 0.0) if surely > 0 else wide[0], wide[1], surely, value)


def _passed(value: float, least: float, deviation: float, share: float) -> float:
    """Return the positive mean at which this share of the normal numbers above the least is above the value.

    It is zero where no positive mean is low enough.
    """

    def away(mean: float) -> float:
        beyond, passing = stats.norm.logcdf([(mean - value) / deviation, (mean - least) / deviation]).tolist()
        return float(beyond - passing - np.log(share))

    return 0.0 if away(0.0) >= 0 else float(optimize.brentq(away, 0.0, value))


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
