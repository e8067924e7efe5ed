"""Estimates what a drift costs: the expected fall of ROC-AUC and rise of the cost of decisions, split among columns.

Outcomes are expected from the probabilities, so both figures believe that they are right: that customers with the same
features churn as before. A column's part is its Shapley value: the mean change when its distribution is brought to that
of the window, after some of the other columns in random orders (Budhathoki and others 2021). What the single columns do
not explain is the rest: a change of how they go together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.bundles import quality
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector
from monitoring.losses import reweighting
from monitoring.losses.reweighting import Column

ORDERS, MOST_COLUMNS = 20, 10
"""Random orders of the columns, and most columns that are split among; the rest has the others."""
_SEED = 0
Change = tuple[float, float]
"""Fall of ROC-AUC, and rise of the cost a customer."""


@dataclass(frozen=True)
class Reference:
    """Customers that the model was not trained on, as the bundle keeps them."""

    probability: Vector
    columns: Mapping[str, Column]
    """The drifted columns, those that moved most first."""


@dataclass(frozen=True)
class DriftLoss:
    """The expected loss of a window against the test set."""

    roc_auc: Figure
    """Fall of ROC-AUC."""
    cost: Figure
    """Rise of the cost of decisions a customer."""
    cost_before: float
    """Expected cost a customer of the test set."""
    parts: Mapping[str, Change]
    """Column to its part of both."""
    unit: str
    min_loss_fraction: float
    """Rise of the cost, as a fraction of `cost_before`, from which a retraining is advised."""

    @property
    def rest(self) -> Change:
        """What no single column explains."""
        falls, rises = (sum(part[at] for part in self.parts.values()) for at in (0, 1))
        return self.roc_auc.value - falls, self.cost.value - rises

    @property
    def is_advised(self) -> bool:
        """Whether the expected loss reaches the setting, more surely than not by chance."""
        return self.cost.low > 0 and self.cost.value >= self.min_loss_fraction * self.cost_before

    @property
    def remarks(self) -> Iterator[str]:
        """Say the loss, its parts and the advice."""
        yield (
            "expected loss, if customers with the same features churn as before: "
            f"ROC-AUC {_in_words(self.roc_auc, 'lower', 'higher')}, "
            f"cost {_in_words(self.cost, 'higher', 'lower')} {self.unit}"
        )
        yield self._split
        limit = f"{self.min_loss_fraction:.1%} of {self.cost_before:,.2f} (--min-loss-fraction)"
        yield f"by money, retraining is {'advised' if self.is_advised else 'not advised'}: the limit is {limit}"

    @property
    def _split(self) -> str:
        if not self.parts:
            return "no single column explains it: no column moved by itself, so it is a change of how they go together"
        named = sorted(self.parts.items(), key=lambda item: -abs(item[1][1]))
        shown = [f"{name} {rise:+z.2f} and {fall:+z.3f} ROC-AUC" for name, (fall, rise) in named]
        fall, rise = self.rest
        return f"of this cost: {', '.join(shown)}; not explained by single columns {rise:+z.2f} and {fall:+z.3f}"

    @property
    def record(self) -> dict[str, Any]:
        """All figures, as JSON values."""

        def change(one: Change) -> dict[str, float]:
            return {"roc_auc": one[0], "cost": one[1]}

        figures = {"roc_auc": self.roc_auc, "cost": self.cost}
        return {
            **{name: {"value": one.value, "low": one.low, "high": one.high} for name, one in figures.items()},
            "unit": self.unit,
            "columns": {name: change(part) for name, part in self.parts.items()},
            "rest": change(self.rest),
            "min_loss_fraction": self.min_loss_fraction,
            "cost_before": self.cost_before,
            "advised": self.is_advised,
        }


def estimate(reference: Reference, live: Vector, policy: RiskPolicy, *, min_loss_fraction: float) -> DriftLoss | None:
    """Estimate the loss of a window of probabilities; None if too few customers are expected to churn or to stay."""
    now, then = (quality.estimated(one, policy) for one in (live, reference.probability))
    if now is None or then is None:
        return None
    unit = f"{policy.costs.currency} a customer" if policy.costs else "of the cost of a customer"
    return DriftLoss(
        roc_auc=_difference(then["roc_auc"], now["roc_auc"]),
        cost=_difference(now["cost"], then["cost"]),
        cost_before=then["cost"].value,
        parts=_split(reference, _changes(reference, policy)),
        unit=unit,
        min_loss_fraction=min_loss_fraction,
    )


def _difference(one: Figure, other: Figure) -> Figure:
    value, reach = one.value - other.value, 1.96 * float(np.hypot(one.deviation, other.deviation))
    return Figure(value, value - reach, value + reach)


def _in_words(change: Figure, positive: str, negative: str) -> str:
    if change.value >= 0:
        return f"{positive} by {change}"
    return f"{negative} by {Figure(-change.value, -change.high, -change.low)}"


def _changes(reference: Reference, policy: RiskPolicy) -> Callable[[frozenset[str]], Change]:
    """Return a function that computes the change when some columns are distributed as in the window."""
    probability, rows = reference.probability, len(reference.probability)
    groups = quality.group(probability, policy)
    found: dict[frozenset[str], tuple[float, float]] = {}

    def level(names: frozenset[str]) -> tuple[float, float]:
        weights = reweighting.weights([reference.columns[name] for name in sorted(names)], rows)
        churned, stayed = (
            np.bincount(groups.of_row, weights=weights * one, minlength=len(groups.rows))
            for one in (probability, 1 - probability)
        )
        metrics = quality.measure(groups, stayed, churned)
        return float(metrics["roc_auc"]), float(metrics["cost"])

    def change(names: frozenset[str]) -> Change:
        for one in (frozenset[str](), names):
            if one not in found:
                found[one] = level(one)
        (auc, cost), (auc_before, cost_before) = found[names], found[frozenset()]
        return auc_before - auc, cost - cost_before

    return change


def _split(reference: Reference, change: Callable[[frozenset[str]], Change]) -> dict[str, Change]:
    names = list(reference.columns)[:MOST_COLUMNS]
    sums, rng = {name: np.zeros(2) for name in names}, np.random.default_rng(_SEED)
    orders: Sequence[Sequence[int]] = [rng.permutation(len(names)).tolist() for _ in range(ORDERS)]
    for order in orders:
        before, done = np.zeros(2), frozenset[str]()
        for place in order:
            done |= {names[place]}
            after = np.array(change(done))
            sums[names[place]] += (after - before) / ORDERS
            before = after
    return {name: (float(fall), float(rise)) for name, (fall, rise) in sums.items()}
