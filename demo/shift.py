"""A population shift for any contract: numbers go up or down, and half of the customers get another category.

The shift is derived from the values alone. Shifted customers still fulfil the contract, but may be unlikely. A number
that would break a rule keeps its old value.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from models.customer import checks
from models.customer.contract import Contract, Mask
from models.customer.feature import Feature, Kind

_NUMBERS: tuple[Kind, ...] = ("integer", "number")
"""Kinds whose values are raised or lowered; those of other kinds are replaced, and so cannot break a rule."""


@dataclass(frozen=True)
class Change:
    """The change of one feature, with its description in words."""

    feature: Feature
    told: str
    apply: Callable[[pd.Series, np.random.Generator], pd.Series]


@dataclass(frozen=True)
class Shift:
    """The changes of all shifted features."""

    contract: Contract
    changes: tuple[Change, ...]

    @property
    def told(self) -> str:
        """The description of all changes in words."""
        return ", ".join(change.told for change in self.changes)

    def apply(self, customers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Return the customers with all changes applied."""
        changed = {change.feature.name: change.apply(customers[change.feature.name], rng) for change in self.changes}
        shifted = customers.assign(**changed)
        broken = _broken(self.contract, shifted)
        numbers = [change.feature.name for change in self.changes if change.feature.kind in _NUMBERS]
        shifted.loc[broken, numbers] = customers.loc[broken, numbers]
        return shifted


def of(contract: Contract, customers: pd.DataFrame, names: Sequence[str]) -> Shift:
    """Create a shift of the named features; its size depends on the spread of their values in `customers`."""
    features = {feature.name: feature for feature in contract.features}
    return Shift(contract, tuple(_plan(features[name], customers[name]) for name in names))


def _plan(feature: Feature, values: pd.Series) -> Change:
    return _move(feature, values) if feature.kind in _NUMBERS else _convert(feature, values)


def _move(feature: Feature, values: pd.Series) -> Change:
    """Add or subtract a standard deviation, whichever the bounds allow for more customers."""
    spread = float(f"{np.nan_to_num(values.std(ddof=0)):.2g}") or 1.0
    step = max(1.0, round(spread)) if feature.kind == "integer" else spread
    by = max((step, -step), key=lambda step: int(_fits(feature, values + step).sum()))

    def move(values: pd.Series, _: np.random.Generator) -> pd.Series:
        moved = values + (int(by) if values.dtype.kind == "i" else by)
        return moved.where(_fits(feature, moved), values)

    told = f"{feature.name} {'up' if by > 0 else 'down'} by {abs(by):,g} {feature.unit or ''}".rstrip()
    return Change(feature, told, move)


def _convert(feature: Feature, values: pd.Series) -> Change:
    """Give half of the customers the rarest category."""
    kinds: Sequence[Any] = feature.categories or (False, True)
    if feature.kind == "open_category":
        kinds = sorted({value for value in values.tolist() if isinstance(value, str)})
    counts = Counter(values.tolist())
    occurring = [kind for kind in kinds if counts[kind]]
    rarest = min(occurring if len(occurring) > 1 else kinds, key=lambda kind: counts[kind])
    label = feature.labels[kinds.index(rarest)] if feature.categories else str(rarest)
    label = label.lower() if feature.kind == "boolean" else label

    def convert(values: pd.Series, rng: np.random.Generator) -> pd.Series:
        return values.where(rng.random(len(values)) < 0.5, rarest)

    return Change(feature, f"{feature.name} {label!r} for half", convert)


def _fits(feature: Feature, values: pd.Series) -> Mask:
    """Mark the values within the feature's own bounds; missing values count as within."""
    alone = replace(feature, at_least=None, nullable=True)
    return ~_broken(Contract((alone,)), values.to_frame(feature.name))


def _broken(contract: Contract, customers: pd.DataFrame) -> Mask:
    violations = checks.find_violations(contract, customers)
    broken: Mask = np.logical_or.reduce([np.zeros(len(customers), dtype=np.bool_), *violations.values()])
    return broken
