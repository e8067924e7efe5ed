"""Compares two models on the outcomes of customers, by a paired bootstrap of the differences.

Each resample gives the customers new Poisson weights, the same for both models, so that the difficulty of the customers
cancels out. All rows of one customer have the same weight. The metrics are those of `models.bundles.quality`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from models.bundles import quality, resampling
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector

METRICS: Mapping[str, int] = {"roc_auc": 1, "brier": -1, "cost": -1}
"""The metrics that are compared; 1 if higher is better, -1 if lower is better."""
TITLES = {"roc_auc": "ROC-AUC", "brier": "Brier score", "cost": "cost per customer"}
RESAMPLES = 1_000
FAMILY_LEVEL = 0.025
"""Share of comparisons of equal models in which the corrected lower end of any metric is above 0."""
_DRAWS = 2**16 - 1
_POISSON = np.searchsorted(stats.poisson(1).cdf(range(10)), (np.arange(_DRAWS) + 0.5) / _DRAWS).astype(np.float64)
"""Quantiles of the Poisson distribution of mean 1: to look one up is ten times as fast as to draw a number."""
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
    """Lower end of the interval, corrected for several metrics, which are correlated (Beran 1988)."""
    challenger_high: float
    """Upper end of the 95 % interval of the challenger's metric."""

    @property
    def is_better(self) -> bool:
        """Whether the challenger is significantly better, corrected for several metrics."""
        return self.corrected_low > 0

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is significantly worse: the whole 95 % interval is below 0."""
        return self.better_by.high < 0


def compare(
    challenger: ScoredModel,
    champion: ScoredModel,
    churned: Labels,
    *,
    resamples: int = RESAMPLES,
    customers: Labels | None = None,
) -> dict[str, Gain]:
    """Compare on customers that both models predicted; both outcomes must occur.

    `customers` (n,) has the customer of each row; None if each row is of a customer of its own.
    """
    ours, theirs = _judge(_at_one_price(challenger, champion), churned, resamples, seed=0, customers=customers)
    return _gains(ours, theirs)


def compare_unpaired(
    challenger: tuple[ScoredModel, Labels], champion: tuple[ScoredModel, Labels], *, resamples: int = RESAMPLES
) -> dict[str, Gain]:
    """Compare on separate customers, assigned at random; the intervals are wider than those of `compare`."""
    ours, theirs = _at_one_price(challenger[0], champion[0])
    (ours_judged,), (theirs_judged,) = (
        _judge([model], churned, resamples, seed=seed)
        for seed, (model, churned) in enumerate(((ours, challenger[1]), (theirs, champion[1])))
    )
    return _gains(ours_judged, theirs_judged)


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


def _judge(
    models: Sequence[ScoredModel], churned: Labels, resamples: int, *, seed: int, customers: Labels | None = None
) -> list[Judged]:
    """Compute the metrics of models on all rows, and on resamples, whose weights are the same for all models."""
    rng, of_row = np.random.default_rng(seed), resampling.numbered(customers)
    grouped = [quality.group(model.probability, model.policy) for model in models]
    counts = [np.empty((2, 1 + resamples, len(groups.rows))) for groups in grouped]
    for draw in range(1 + resamples):
        weights = _weights(rng, len(churned), of_row) if draw else np.ones(len(churned))
        left = weights * churned
        for groups, (stayed, gone) in zip(grouped, counts, strict=True):
            gone[draw] = np.bincount(groups.of_row, weights=left, minlength=len(groups.rows))
            stayed[draw] = np.bincount(groups.of_row, weights=weights, minlength=len(groups.rows)) - gone[draw]
    return [
        _judged(model, churned, quality.measure(groups, *found))
        for model, groups, found in zip(models, grouped, counts, strict=True)
    ]


def _weights(rng: np.random.Generator, rows: int, of_row: Labels | None) -> Vector:
    customers = rows if of_row is None else int(of_row.max()) + 1
    drawn = _POISSON[rng.integers(_DRAWS, size=customers, dtype=np.uint16)]
    return np.asarray(drawn if of_row is None else drawn[of_row])


def _judged(model: ScoredModel, churned: Labels, drawn: Mapping[str, Vector]) -> Judged:
    values = quality.exact(model.probability, churned, model.policy)
    # Grouping changes each metric slightly. This shift is removed: it is no difference between the two models.
    return values, {metric: drawn[metric][1:] + (values[metric] - drawn[metric][0]) for metric in METRICS}


def _gains(challenger: Judged, champion: Judged) -> dict[str, Gain]:
    (ours, ours_drawn), (theirs, theirs_drawn) = challenger, champion
    differences = {
        metric: np.round(sign * (ours_drawn[metric] - theirs_drawn[metric]), _DIGITS)
        for metric, sign in METRICS.items()
    }
    gains, level = {}, _corrected_level(np.array([*differences.values()]))
    for metric, sign in METRICS.items():
        low, high, corrected_low = np.quantile(differences[metric], [0.025, 0.975, level]).tolist()
        better_by = Figure(sign * (ours[metric] - theirs[metric]), low, high)
        highest = float(np.quantile(ours_drawn[metric], 0.975))
        gains[metric] = Gain(theirs[metric], ours[metric], better_by, corrected_low, highest)
    return gains


def _corrected_level(differences: npt.NDArray[np.float64]) -> float:
    """Return the quantile for the lower ends of all metrics together, from resamples (metrics, resamples).

    In 2.5 % of the resamples at least one metric lies below its own lower end. For metrics that tell the same it is
    2.5 %, for independent ones about a third of that, as by Bonferroni.
    """
    ranks = stats.rankdata(differences, axis=1) / differences.shape[1]
    return min(float(np.quantile(ranks.min(axis=0), FAMILY_LEVEL)), FAMILY_LEVEL)  # ties have middle ranks
