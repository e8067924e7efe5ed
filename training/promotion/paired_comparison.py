"""Two ways to predict the same customers, compared on what happened to them: paired bootstrap of the differences.

Each resample weighs the customers anew (Poisson) and judges both ways with the same weights, so that what is hard about
the customers drops out. Both are judged by the figures of `models.bundles.quality`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.bundles import quality
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector

METRICS: Mapping[str, int] = {"roc_auc": 1, "brier": -1, "cost": -1}
"""Those that decide; 1 where more is better."""
TITLES = {"roc_auc": "ROC-AUC", "brier": "Brier score", "cost": "cost a customer"}
RESAMPLES = 1_000
CORRECTED_LEVEL = 0.05 / len(METRICS) / 2
"""Quantile of the corrected lower end: for all metrics together, 5 % of comparisons of equal models look unequal."""
_DIGITS = 9  # what lies behind them comes from the order in which numbers were added up


@dataclass(frozen=True)
class ScoredModel:
    """Who predicts, and decides by what."""

    probability: Vector
    """(n,) in [0, 1]."""
    policy: RiskPolicy


Judged = tuple[dict[str, float], dict[str, Vector]]
"""Every metric as it is, and on each resample."""


@dataclass(frozen=True)
class Gain:
    """One metric of both, and by how much the challenger is better; less than nothing is worse."""

    champion: float
    challenger: float
    better_by: Figure
    corrected_low: float
    """Lower end of the interval that is corrected for several metrics (Bonferroni)."""

    @property
    def is_better(self) -> bool:
        """Whether the challenger is better by more than chance, also as one of several metrics."""
        return self.corrected_low > 0

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is worse by more than chance: the whole 95 % interval is below 0."""
        return self.better_by.high < 0


def compare(
    challenger: ScoredModel, champion: ScoredModel, churned: Labels, *, resamples: int = RESAMPLES
) -> dict[str, Gain]:
    """Compare on customers whom both predicted; both outcomes must occur."""
    ours, theirs = _at_one_price(challenger, champion)
    return _gains(_judge(ours, churned, resamples, seed=0), _judge(theirs, churned, resamples, seed=0))


def compare_apart(
    challenger: tuple[ScoredModel, Labels], champion: tuple[ScoredModel, Labels], *, resamples: int = RESAMPLES
) -> dict[str, Gain]:
    """Compare on customers of each its own, as chance dealt them; intervals are wider than those of pairs."""
    ours, theirs = _at_one_price(challenger[0], champion[0])
    return _gains(
        _judge(ours, challenger[1], resamples, seed=0),
        _judge(theirs, champion[1], resamples, seed=1),
    )


def signed(better_by: Figure, digits: int = 4) -> str:
    """Write by how much the challenger is better, with its interval."""
    value, low, high = (f"{one:+.{digits}f}" for one in (better_by.value, better_by.low, better_by.high))
    return f"{value} ({low} to {high})"


def _at_one_price(challenger: ScoredModel, champion: ScoredModel) -> tuple[ScoredModel, ScoredModel]:
    """Let both pay today's prices, the challenger's or else the champion's, for what each decides by its own bounds."""
    costs = challenger.policy.costs or champion.policy.costs
    ours, theirs = (
        replace(way, policy=way.policy.model_copy(update={"costs": costs})) for way in (challenger, champion)
    )
    return ours, theirs


def _judge(way: ScoredModel, churned: Labels, resamples: int, *, seed: int) -> Judged:
    """Measure a way as it is, and on resamples; the same seed weighs the same customers alike."""
    rng, groups = np.random.default_rng(seed), quality.group(way.probability, way.policy)
    stayed, left = (np.empty((1 + resamples, len(groups.rows))) for _ in range(2))
    for draw in range(1 + resamples):
        weights = rng.poisson(1, len(churned)) if draw else np.ones(len(churned))
        left[draw] = np.bincount(groups.of_row, weights=weights * churned, minlength=len(groups.rows))
        stayed[draw] = np.bincount(groups.of_row, weights=weights, minlength=len(groups.rows)) - left[draw]
    values, drawn = quality.exact(way.probability, churned, way.policy), quality.measure(groups, stayed, left)
    # What the groups alone change is no difference between two models, however small both differences are.
    return values, {metric: drawn[metric][1:] + (values[metric] - drawn[metric][0]) for metric in METRICS}


def _gains(challenger: Judged, champion: Judged) -> dict[str, Gain]:
    (ours, ours_drawn), (theirs, theirs_drawn) = challenger, champion
    gains = {}
    for metric, sign in METRICS.items():
        differences = np.round(sign * (ours_drawn[metric] - theirs_drawn[metric]), _DIGITS)
        low, high, corrected_low = np.quantile(differences, [0.025, 0.975, CORRECTED_LEVEL]).tolist()
        better_by = Figure(sign * (ours[metric] - theirs[metric]), low, high)
        gains[metric] = Gain(theirs[metric], ours[metric], better_by, corrected_low)
    return gains
