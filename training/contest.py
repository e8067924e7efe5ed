"""Two ways to predict the same customers, compared on what happened to them: paired bootstrap of the differences.

Each resample weighs the customers anew (Poisson) and judges both ways with the same weights, so that what is hard about
the customers drops out. Both are judged by the figures of `models.quality`. Knows nothing of where a way comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models import quality
from models.contract import Labels, Vector
from models.quality import Figure
from models.risk import RiskPolicy

METRICS: Mapping[str, int] = {"roc_auc": 1, "brier": -1, "cost": -1}
"""Those that decide; 1 where more is better."""
RESAMPLES = 1_000
SURELY = 0.05 / len(METRICS) / 2
"""Chance by which one of the gains looks larger than nothing when there is none: 5 % on both sides of all of them."""
_SEED = 0  # the same rows give the same intervals


@dataclass(frozen=True)
class Way:
    """Who predicts, and decides by what."""

    probability: Vector
    """(n,) in [0, 1]."""
    policy: RiskPolicy


@dataclass(frozen=True)
class Gain:
    """One metric of both, and by how much the challenger is better; less than nothing is worse."""

    champion: float
    challenger: float
    better_by: Figure
    surely: float
    """The least of it, so careful that none of several metrics is above nothing by chance (Bonferroni)."""


def compare(challenger: Way, champion: Way, churned: Labels, *, resamples: int = RESAMPLES) -> dict[str, Gain]:
    """Compare on customers of whom all is known; both outcomes must occur."""
    sides = (challenger, champion)
    exact = [quality.exact(side.probability, churned, side.policy) for side in sides]
    drawn = _resample(sides, churned, resamples)
    gains = {}
    for metric, sign in METRICS.items():
        ours, theirs = (found[metric] for found in exact)
        differences = sign * (drawn[0][metric] - drawn[1][metric])
        low, high, surely = np.quantile(differences, [0.025, 0.975, SURELY]).tolist()
        gains[metric] = Gain(theirs, ours, Figure(sign * (ours - theirs), low, high), surely)
    return gains


def _resample(sides: tuple[Way, ...], churned: Labels, resamples: int) -> list[dict[str, Vector]]:
    """Measure each side on the same resamples."""
    rng, rows = np.random.default_rng(_SEED), len(churned)
    groups = [quality.group(side.probability, side.policy) for side in sides]
    counts = [np.empty((2, resamples, len(group.rows))) for group in groups]
    for draw in range(resamples):
        weights = rng.poisson(1, rows)
        left = weights * churned
        for group, count in zip(groups, counts, strict=True):
            for outcome, weight in enumerate((weights - left, left)):
                count[outcome, draw] = np.bincount(group.of_row, weights=weight, minlength=len(group.rows))
    return [dict(quality.measure(group, stayed, left)) for group, (stayed, left) in zip(groups, counts, strict=True)]
