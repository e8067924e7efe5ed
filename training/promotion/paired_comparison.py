"""Compares two models on the outcomes of customers, by a paired bootstrap of the differences.

Each resample gives the customers new Poisson weights, the same for both models, so that the difficulty of the customers
cancels out. The metrics are those of `models.bundles.quality`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.bundles import quality
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector

METRICS: Mapping[str, int] = {"roc_auc": 1, "brier": -1, "cost": -1}
"""The metrics that are compared; 1 if higher is better, -1 if lower is better."""
TITLES = {"roc_auc": "ROC-AUC", "brier": "Brier score", "cost": "cost per customer"}
RESAMPLES = 1_000
CORRECTED_LEVEL = 0.05 / len(METRICS) / 2
"""Quantile of the corrected lower end: over all metrics, 5 % of comparisons of equal models show a difference."""
_DIGITS = 9  # later digits depend on the order of summation


@dataclass(frozen=True)
class ScoredModel:
    """The probabilities and the decision policy of a model."""

    probability: Vector
    """(n,) in [0, 1]."""
    policy: RiskPolicy


Judged = tuple[dict[str, float], dict[str, Vector]]
"""Every metric on all rows, and on each resample."""


@dataclass(frozen=True)
class Gain:
    """One metric of both models, and by how much the challenger is better; a negative value is worse."""

    champion: float
    challenger: float
    better_by: Figure
    corrected_low: float
    """Lower end of the interval, corrected for several metrics (Bonferroni)."""

    @property
    def is_better(self) -> bool:
        """Whether the challenger is significantly better, corrected for several metrics."""
        return self.corrected_low > 0

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is significantly worse: the whole 95 % interval is below 0."""
        return self.better_by.high < 0


def compare(
    challenger: ScoredModel, champion: ScoredModel, churned: Labels, *, resamples: int = RESAMPLES
) -> dict[str, Gain]:
    """Compare on customers that both models predicted; both outcomes must occur."""
    ours, theirs = _at_one_price(challenger, champion)
    return _gains(_judge(ours, churned, resamples, seed=0), _judge(theirs, churned, resamples, seed=0))


def compare_unpaired(
    challenger: tuple[ScoredModel, Labels], champion: tuple[ScoredModel, Labels], *, resamples: int = RESAMPLES
) -> dict[str, Gain]:
    """Compare on separate customers, assigned at random; the intervals are wider than those of `compare`."""
    ours, theirs = _at_one_price(challenger[0], champion[0])
    return _gains(
        _judge(ours, challenger[1], resamples, seed=0),
        _judge(theirs, champion[1], resamples, seed=1),
    )


def signed(better_by: Figure, digits: int = 4) -> str:
    """Format the difference with its sign and its interval."""
    value, low, high = (f"{one:+.{digits}f}" for one in (better_by.value, better_by.low, better_by.high))
    return f"{value} ({low} to {high})"


def _at_one_price(challenger: ScoredModel, champion: ScoredModel) -> tuple[ScoredModel, ScoredModel]:
    """Apply the same costs to both models, the challenger's or else the champion's; each keeps its own bounds."""
    costs = challenger.policy.costs or champion.policy.costs
    ours, theirs = (
        replace(model, policy=model.policy.model_copy(update={"costs": costs})) for model in (challenger, champion)
    )
    return ours, theirs


def _judge(model: ScoredModel, churned: Labels, resamples: int, *, seed: int) -> Judged:
    """Compute the metrics of a model on all rows, and on resamples; the same seed gives the same weights."""
    rng, groups = np.random.default_rng(seed), quality.group(model.probability, model.policy)
    stayed, left = (np.empty((1 + resamples, len(groups.rows))) for _ in range(2))
    for draw in range(1 + resamples):
        weights = rng.poisson(1, len(churned)) if draw else np.ones(len(churned))
        left[draw] = np.bincount(groups.of_row, weights=weights * churned, minlength=len(groups.rows))
        stayed[draw] = np.bincount(groups.of_row, weights=weights, minlength=len(groups.rows)) - left[draw]
    values, drawn = quality.exact(model.probability, churned, model.policy), quality.measure(groups, stayed, left)
    # Grouping changes each metric slightly. This shift is removed: it is no difference between the two models.
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
