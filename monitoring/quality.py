"""How good probabilities are: what the outcomes show, and what the probabilities themselves promise.

Rows of like probability are one group, so every figure comes from counts by group. 500 resamples of a million rows then
take half a second. Up to 500 different probabilities nothing is rounded; beyond, figures move by some 0.001. There are
three kinds of counts:

- what happened: the outcomes as they are;
- its interval: each count drawn anew from Poisson's distribution, which is a bootstrap of the rows;
- what is promised: outcomes drawn from the probabilities, as in confidence-based performance estimation (NannyML). The
  estimate needs no outcome. It believes the probabilities, so it sees customers become harder to tell apart, and never
  that the same customers now behave otherwise: calibration lost and concept drift show only in outcomes.

Knows nothing of a manifest or of what is good enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.contract import Labels, Mask, Vector

GROUPS, RESAMPLES, BINS = 500, 500, 10
_SEED = 0  # the same rows give the same intervals
MIN_OF_A_CLASS = 20
"""With fewer customers who churned, or who stayed, there are no figures."""
Counts = npt.NDArray[Any]
"""(..., groups) rows of each group."""


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def deviation(self) -> float:
        """The standard deviation of which the interval is 1.96 to each side."""
        return (self.high - self.low) / (2 * 1.96)

    def __str__(self) -> str:
        return f"{self.value:z.3f} ({self.low:z.3f} to {self.high:z.3f})"


Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Groups:
    """Rows of like probability, in ascending order."""

    of_row: npt.NDArray[np.int64]
    """(n,) the group of each row."""
    rows: npt.NDArray[np.int64]
    """(groups,) rows."""
    probability: Vector
    """(groups,) mean of the rows."""
    flagged: Mask
    """(groups,) whether the decision is "will churn"."""
    bins: npt.NDArray[np.int64]
    """(at most 10,) first group of each bin of the calibration error; bins hold equally many rows, ties aside."""
    threshold: float


def shortage(churned: Labels, *, min_rows: int) -> str | None:
    """Say what is missing for figures, and what to do; None if there is enough."""
    rows, left = len(churned), int(churned.sum())
    if rows < min_rows:
        missing = f"{rows:,} outcomes, at least {min_rows:,} are needed"
    elif min(left, rows - left) < MIN_OF_A_CLASS:
        missing = f"{left:,} of {rows:,} customers churned, at least {MIN_OF_A_CLASS} must have, and as many stayed"
    else:
        return None
    return f"{missing}. Report outcomes, wait for more, or look further back with --since."


def group(probability: Vector, *, threshold: float) -> Groups:
    """Put rows of like probability together: each value its own group, or 1/500 of the rows.

    No group lies on both sides of the threshold.
    """
    quantiles = np.quantile(probability, np.linspace(0, 1, GROUPS + 1), method="lower")
    edges = np.unique(np.append(quantiles, threshold))
    places = np.searchsorted(edges, probability, side="right")
    _, of_row, rows = np.unique(places, return_inverse=True, return_counts=True)
    middle = np.cumsum(rows) - rows / 2
    return Groups(
        of_row=of_row,
        rows=rows,
        probability=np.bincount(of_row, weights=probability) / rows,
        flagged=np.bincount(of_row, weights=probability >= threshold) > 0,
        bins=np.unique(middle * BINS // len(probability), return_index=True)[1],
        threshold=threshold,
    )


def realised(probability: Vector, churned: Labels, *, threshold: float) -> Figures:
    """Compute what outcomes show of their probabilities, with bootstrap intervals.

    That of the calibration error lies high, because drawing anew adds chance to chance.
    """
    groups = group(probability, threshold=threshold)
    left = np.bincount(groups.of_row, weights=churned, minlength=len(groups.rows))
    stayed = groups.rows - left
    rng, shape = np.random.default_rng(_SEED), (RESAMPLES, len(left))
    drawn = measure(groups, rng.poisson(stayed, shape), rng.poisson(left, shape))
    values = measure(groups, stayed, left)
    return {name: _figure(float(values[name]), drawn[name]) for name in values}


def promised(probability: Vector, *, threshold: float) -> Figures | None:
    """Compute what outcomes should show if the probabilities are right: the mean, and where 95 % of them would lie.

    None where fewer than 20 are expected to churn, or to stay.
    """
    expected = probability.sum()
    if min(expected, len(probability) - expected) < MIN_OF_A_CLASS:
        return None
    groups = group(probability, threshold=threshold)
    left = _draw(groups)
    drawn = measure(groups, groups.rows - left, left)
    return {name: _figure(float(values.mean()), values) for name, values in drawn.items()}


def promised_error(probability: Vector, *, threshold: float) -> Figure:
    """Compute the calibration error of outcomes that are as probable as said, as `promised` does, however few churn."""
    groups = group(probability, threshold=threshold)
    drawn = _calibration_error(groups, _draw(groups) - groups.rows * groups.probability, groups.rows.sum())
    return _figure(float(drawn.mean()), drawn)


def measure(groups: Groups, stayed: Counts, churned: Counts) -> dict[str, Vector]:
    """Compute every metric of the counts (..., groups) of those who stayed and who churned; both must occur.

    `cost` is a customer's, where a needless offer costs the threshold and a missed churner 1 - threshold: the costs for
    which this threshold is the best. `calibration_gap` is how many more churned than the probabilities say.
    """
    probability, rows = groups.probability, stayed + churned
    total, churners, stayers = rows.sum(-1), churned.sum(-1), stayed.sum(-1)
    caught, false_alarms = churned[..., groups.flagged].sum(-1), stayed[..., groups.flagged].sum(-1)
    surprise = churned - rows * probability
    return {
        "roc_auc": (churned * (np.cumsum(stayed, -1) - stayed / 2)).sum(-1) / (churners * stayers),
        "pr_auc": _average_precision(rows[..., ::-1], churned[..., ::-1]) / churners,
        "brier": (churned @ (1 - probability) ** 2 + stayed @ probability**2) / total,
        "log_loss": (churned @ _surprisal(probability) + stayed @ _surprisal(1 - probability)) / total,
        "calibration_error": _calibration_error(groups, surprise, total),
        "calibration_gap": surprise.sum(-1) / total,
        "precision": _share(caught, caught + false_alarms),
        "recall": caught / churners,
        "cost": (groups.threshold * false_alarms + (1 - groups.threshold) * (churners - caught)) / total,
    }


def _draw(groups: Groups) -> Counts:
    """Draw churners from the probabilities, many times."""
    return np.random.default_rng(_SEED).binomial(groups.rows, groups.probability, (RESAMPLES, len(groups.rows)))


def _calibration_error(groups: Groups, surprise: Counts, total: Counts) -> Vector:
    return np.asarray(np.abs(np.add.reduceat(surprise, groups.bins, axis=-1)).sum(-1) / total)


def _average_precision(rows: Counts, churned: Counts) -> Vector:
    """Add up the precision at each churner, the likeliest first."""
    return np.asarray((churned * _share(np.cumsum(churned, -1), np.cumsum(rows, -1))).sum(-1))


def _share(part: Counts, whole: Counts) -> Vector:
    """Divide; 0 of 0 is 0, as in training: the precision where nobody is flagged."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)


def _surprisal(probability: Vector) -> Vector:
    return -np.log(np.maximum(probability, np.finfo(np.float64).eps))


def _figure(value: float, drawn: Vector) -> Figure:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(value, float(low), float(high))
