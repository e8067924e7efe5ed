"""By how much a challenger is better in each metric, and how much one customer adds to the uncertainty of that.

Brier score and cost are means over customers. ROC-AUC is not, but for large samples it behaves like the mean of the
customers' influences (DeLong, DeLong and Clarke-Pearson 1988), so all three get the same kind of interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.bundles.quality import MIN_OF_A_CLASS
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector
from training.promotion.paired_comparison import METRICS, ScoredModel


@dataclass(frozen=True)
class Difference:
    """One metric of both models."""

    champion: float
    challenger: float
    better_by: float
    """How much better the challenger is; a negative value is worse."""
    deviation: float
    """Standard deviation of what a single customer adds to it."""
    rows: int
    doubt: str = ""
    """Why it does not count yet; empty if it counts."""


@dataclass(frozen=True)
class _Measured:
    value: float
    influence: Vector
    """(n,) what each customer adds to the value, with a mean of 0."""


def paired(challenger: ScoredModel, champion: ScoredModel, churned: Labels) -> dict[str, Difference]:
    """Compare on customers that both models predicted; both outcomes must occur."""
    models = _at_one_price(challenger, champion)
    ours, theirs = (_measure(model, churned) for model in models)
    found = {}
    for metric, sign in METRICS.items():
        influence = sign * (ours[metric].influence - theirs[metric].influence)
        better_by = sign * (ours[metric].value - theirs[metric].value)
        deviation, rows = float(influence.std()), len(churned)
        found[metric] = Difference(theirs[metric].value, ours[metric].value, better_by, deviation, rows)
    is_other = _costs(models[0], churned) != _costs(models[1], churned)
    return found | {"cost": replace(found["cost"], doubt=_doubt(churned[is_other]))}


def unpaired(challenger: tuple[ScoredModel, Labels], champion: tuple[ScoredModel, Labels]) -> dict[str, Difference]:
    """Compare on separate customers, assigned at random; far more of them are needed."""
    models = _at_one_price(challenger[0], champion[0])
    ours, theirs = _measure(models[0], challenger[1]), _measure(models[1], champion[1])
    rows = len(challenger[1]) + len(champion[1])
    found = {}
    for metric, sign in METRICS.items():
        variance = sum(float(one.influence.var()) / len(one.influence) for one in (ours[metric], theirs[metric]))
        better_by = sign * (ours[metric].value - theirs[metric].value)
        deviation = float(np.sqrt(rows * variance))
        found[metric] = Difference(theirs[metric].value, ours[metric].value, better_by, deviation, rows)
    return found


def _at_one_price(challenger: ScoredModel, champion: ScoredModel) -> tuple[ScoredModel, ScoredModel]:
    """Apply the same costs to both models, the challenger's or else the champion's; each keeps its own bounds."""
    costs = challenger.policy.costs or champion.policy.costs
    ours, theirs = (
        replace(model, policy=model.policy.model_copy(update={"costs": costs})) for model in (challenger, champion)
    )
    return ours, theirs


def _measure(model: ScoredModel, churned: Labels) -> Mapping[str, _Measured]:
    squares, costs = (model.probability - churned) ** 2, _costs(model, churned)
    return {
        "roc_auc": _roc_auc(model.probability, churned),
        "brier": _Measured(float(squares.mean()), squares - squares.mean()),
        "cost": _Measured(float(costs.mean()), costs - costs.mean()),
    }


def _roc_auc(probability: Vector, churned: Labels) -> _Measured:
    has_left = churned == 1
    left, stayed = np.sort(probability[has_left]), np.sort(probability[~has_left])
    share_below = np.empty(len(probability))  # of the customers of the other outcome, half of those with the same value
    share_below[has_left] = _share_below(stayed, probability[has_left])
    share_below[~has_left] = 1 - _share_below(left, probability[~has_left])
    value, share_left = float(share_below[has_left].mean()), float(has_left.mean())
    influence = (share_below - value) / np.where(has_left, share_left, 1 - share_left)
    return _Measured(value, influence)


def _share_below(ascending: Vector, values: Vector) -> Vector:
    below, not_above = (np.searchsorted(ascending, values, side=side) for side in ("left", "right"))
    return np.asarray((below + not_above) / (2 * len(ascending)))


def _costs(model: ScoredModel, churned: Labels) -> Vector:
    """Return the cost of each customer; it is constant between the bounds of a policy."""
    policy: RiskPolicy = model.policy
    bounds = sorted({0.0, policy.threshold, policy.medium_from, policy.high_from})
    between = np.searchsorted(bounds, model.probability, side="right") - 1
    return np.array([policy.cost(bound) for bound in bounds])[between, churned]


def _doubt(differing: Labels) -> str:
    """Return why the costs do not count yet, given the outcomes of the customers who cost more or less."""
    left = int(differing.sum())
    for customers, what in ((left, "churned"), (len(differing) - left, "stayed")):
        if len(differing) > 0 and customers < MIN_OF_A_CLASS:
            return f"only {customers} customers who {what} cost more or less; it counts from {MIN_OF_A_CLASS} on"
    return ""
