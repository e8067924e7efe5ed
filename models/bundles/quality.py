"""Quality figures of probabilities: measured on outcomes, or estimated from the probabilities alone.

Training evaluates the test set with them, and the monitor the reported outcomes, so a figure means the same in both.
Rows are grouped by probability, and every figure is computed from counts by group. Measured figures have one group for
each distinct probability. Intervals and estimates have at most 500 groups: this moves the ends of an interval by about
0.001, and 500 resamples of a million rows take half a second. There are three kinds of counts:

- measured: the outcomes as they are;
- interval: each count is drawn from a Poisson distribution, which is a bootstrap of the rows; where customers have
  several rows, the customers are drawn instead, each with all rows. The figures of calibration have intervals by the
  normal approximation instead (`models.bundles.recalibration`), since resampling adds noise to a distance;
- estimated: outcomes are drawn from the probabilities, as in confidence-based performance estimation (NannyML). The
  estimate needs no outcomes but assumes that the probabilities are right. It detects that customers become harder to
  separate. It cannot detect lost calibration or concept drift: these show only in outcomes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.bundles import recalibration, resampling
from models.bundles.recalibration import Array, Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector

GROUPS, RESAMPLES = 500, 500
_FEWER_GROUPS, _MOST_DRAWS = 50, 20_000
_SEED = 0  # the same rows give the same intervals
MIN_OF_A_CLASS = 20
"""Least number of customers who churned, and of those who stayed; with fewer there are no figures."""
Counts = npt.NDArray[Any]
"""(..., groups) number of rows in each group."""


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def deviation(self) -> float:
        """Standard deviation, if the interval is 1.96 standard deviations to each side."""
        return (self.high - self.low) / (2 * 1.96)

    def __str__(self) -> str:
        digits = 3 if abs(self.value) < 10 else 1  # a share, or an amount of money
        return f"{self.value:z.{digits}f} ({self.low:z.{digits}f} to {self.high:z.{digits}f})"


Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Groups:
    """Rows grouped by probability, in ascending order."""

    of_row: npt.NDArray[np.int64]
    """(n,) the group of each row."""
    rows: npt.NDArray[np.int64]
    """(groups,) number of rows."""
    probability: Vector
    """(groups,) mean probability of the rows."""
    flagged: npt.NDArray[np.bool_]
    """(groups,) whether the decision is "will churn"."""
    cost: Vector
    """(2, groups) cost of a customer who stays, and of one who churns, by the policy."""


def shortage(churned: Labels, *, min_rows: int, customers: Labels | None = None) -> str | None:
    """Return why there are too few outcomes for figures; None if there are enough.

    `customers` (n,) has the customer of each row; None if each row is of a customer of its own.
    """
    rows, left = len(churned), int(churned.sum())
    if rows < min_rows:
        return f"{rows:,} outcomes, at least {min_rows:,} are needed"
    if customers is not None:
        fewest = min(len(np.unique(customers[churned == one])) for one in (0, 1))
        if fewest < MIN_OF_A_CLASS:
            return f"{fewest:,} customers churned, or stayed; at least {MIN_OF_A_CLASS} of each are needed"
    if min(left, rows - left) < MIN_OF_A_CLASS:
        return (
            f"{left:,} of {rows:,} customers churned; at least {MIN_OF_A_CLASS} must have churned, and as many stayed"
        )
    return None


def group(probability: Vector, policy: RiskPolicy, *, most: int = GROUPS) -> Groups:
    """Group rows by probability: one group for each distinct value, or groups of 1/`most` of the rows.

    No group spans a bound of the policy.
    """
    values = np.unique(probability)
    if len(values) > most:
        values = np.quantile(probability, np.linspace(0, 1, most + 1), method="lower")
    edges = np.unique([*values, policy.threshold, policy.medium_from, policy.high_from])
    places = np.searchsorted(edges, probability, side="right")
    _, first, of_row, rows = np.unique(places, return_index=True, return_inverse=True, return_counts=True)
    members = probability[first]
    bounds = sorted({policy.threshold, policy.medium_from, policy.high_from})
    costs = np.array([policy.cost(one) for one in (0.0, *bounds)])
    return Groups(
        of_row=of_row,
        rows=rows,
        probability=np.bincount(of_row, weights=probability) / rows,
        flagged=members >= policy.threshold,
        cost=costs[np.searchsorted(bounds, members, side="right")].T,
    )


def measured(probability: Vector, churned: Labels, policy: RiskPolicy, *, customers: Labels | None = None) -> Figures:
    """Compute every metric on outcomes, with 95 % intervals; both outcomes must occur.

    `customers` (n,) has the customer of each row; None if each row is of a customer of its own.
    """
    groups, of_row = group(probability, policy), resampling.numbered(customers)
    values = _values(probability, churned, policy)
    drawn_stayed, drawn_left = _resample(groups, churned, of_row)
    both = drawn_stayed.any(axis=1) & drawn_left.any(axis=1)  # with very few churners a resample may have none
    drawn = measure(groups, drawn_stayed[both], drawn_left[both])
    line = recalibration.fit(probability, churned, customers=of_row)
    return {name: _figure(values[name], drawn[name]) for name in values} | _of_line(probability, line, groups, policy)


def exact(probability: Vector, churned: Labels, policy: RiskPolicy) -> dict[str, float]:
    """Compute every metric without an interval; both outcomes must occur."""
    line = recalibration.fit(probability, churned)
    drawn = _of_lines(probability, line.ends, np.ones(len(probability)), policy)
    return _values(probability, churned, policy) | {name: float(value) for name, value in drawn.items()}


def estimated(probability: Vector, policy: RiskPolicy) -> Figures | None:
    """Estimate every metric, if the probabilities are right: the mean, and the range of 95 % of the samples.

    None if fewer than 20 customers are expected to churn, or to stay.
    """
    expected = probability.sum()
    if min(expected, len(probability) - expected) < MIN_OF_A_CLASS:
        return None
    groups = group(probability, policy)
    left = _draw(groups, RESAMPLES)
    ends = recalibration.lines(groups.probability, left, groups.rows)
    drawn = measure(groups, groups.rows - left, left) | _of_lines(groups.probability, ends, groups.rows, policy)
    return {name: _figure(float(values.mean()), values) for name, values in drawn.items()}


def chance_calibration_error(probability: Vector, policy: RiskPolicy, *, rate: float) -> float:
    """Return the calibration error that right probabilities exceed at this rate, by chance alone; with any churners."""
    groups = group(probability, policy, most=_FEWER_GROUPS)
    draws = int(min(max(20 / max(rate, 1e-9), 2_000), _MOST_DRAWS))
    ends = recalibration.lines(groups.probability, _draw(groups, draws), groups.rows)
    return recalibration.exceeded(recalibration.errors(groups.probability, ends, groups.rows), rate)


def measure(groups: Groups, stayed: Counts, churned: Counts) -> dict[str, Vector]:
    """Compute every metric from counts (..., groups) of customers who stayed and who churned; both must occur.

    `cost` is the mean cost of a customer by the policy. `calibration_gap` is the churn rate minus the mean probability.
    The figures of the recalibration are not among them.
    """
    probability, rows = groups.probability, stayed + churned
    total, churners, stayers = rows.sum(-1), churned.sum(-1), stayed.sum(-1)
    caught, false_alarms = churned[..., groups.flagged].sum(-1), stayed[..., groups.flagged].sum(-1)
    surprise = churned - rows * probability
    return {
        "roc_auc": (churned * (np.cumsum(stayed, -1) - stayed / 2)).sum(-1) / (churners * stayers),
        "pr_auc": _average_precision(rows[..., ::-1], churned[..., ::-1]) / churners,
        "f1": 2 * caught / (caught + false_alarms + churners),
        "precision": _share(caught, caught + false_alarms),
        "recall": caught / churners,
        "selection_rate": (caught + false_alarms) / total,
        "accuracy": (caught + stayers - false_alarms) / total,
        "brier": (churned @ (1 - probability) ** 2 + stayed @ probability**2) / total,
        "log_loss": (churned @ _surprisal(probability) + stayed @ _surprisal(1 - probability)) / total,
        "calibration_gap": surprise.sum(-1) / total,
        "cost": (stayed @ groups.cost[0] + churned @ groups.cost[1]) / total,
    }


def _values(probability: Vector, churned: Labels, policy: RiskPolicy) -> dict[str, float]:
    groups = group(probability, policy, most=len(probability))
    return {name: float(value) for name, value in measure(groups, *_count(groups, churned)).items()}


def _count(groups: Groups, churned: Labels) -> tuple[Counts, Counts]:
    """Count the customers who stayed, and those who churned, in each group."""
    left = np.bincount(groups.of_row, weights=churned, minlength=len(groups.rows))
    return groups.rows - left, left


def _resample(groups: Groups, churned: Labels, of_row: Labels | None) -> tuple[Counts, Counts]:
    """Draw the counts of `_count` `RESAMPLES` times."""
    width = len(groups.rows)
    if of_row is None:
        stayed, left = _count(groups, churned)
        rng, shape = np.random.default_rng(_SEED), (RESAMPLES, width)
        return rng.poisson(stayed, shape), rng.poisson(left, shape)
    cells = churned * width + groups.of_row
    drawn = resampling.counts(cells, 2 * width, of_row, resamples=RESAMPLES, seed=_SEED)
    return drawn[:, :width], drawn[:, width:]


def _draw(groups: Groups, draws: int) -> Counts:
    """Sample the number of churners in each group from the probabilities, so many times."""
    return np.random.default_rng(_SEED).binomial(groups.rows, groups.probability, (draws, len(groups.rows)))


def _of_line(probability: Vector, line: Recalibration, groups: Groups, policy: RiskPolicy) -> dict[str, Figure]:
    """Return the figures of a line with their intervals; `groups` are those of the probabilities."""
    values = _of_lines(probability, line.ends, np.ones(len(probability)), policy)
    intervals = recalibration.intervals(groups.probability, line, groups.rows, bounds=_bounds(policy))
    # Grouping moves the ends slightly, and an interval contains its value.
    return {
        name: Figure(float(value), min(intervals[name][0], float(value)), max(intervals[name][1], float(value)))
        for name, value in values.items()
    }


def _of_lines(probability: Vector, ends: Array, rows: Array, policy: RiskPolicy) -> dict[str, Vector]:
    return recalibration.figures(probability, ends, rows, bounds=_bounds(policy))


def _bounds(policy: RiskPolicy) -> Vector:
    return np.array([policy.medium_from, policy.high_from])


def _average_precision(rows: Counts, churned: Counts) -> Vector:
    """Sum the precision at each churner, from the highest probability to the lowest."""
    return np.asarray((churned * _share(np.cumsum(churned, -1), np.cumsum(rows, -1))).sum(-1))


def _share(part: Counts, whole: Counts) -> Vector:
    """Divide; 0 / 0 is 0, as in training: the precision when no customer is flagged."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)


def _surprisal(probability: Vector) -> Vector:
    return -np.log(np.maximum(probability, np.finfo(np.float64).eps))


def _figure(value: float, drawn: Vector) -> Figure:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(value, float(low), float(high))
