"""Checks the contract's rules on whole columns, millions of rows at a time; the feature class checks the same rules."""

import operator
from collections.abc import Iterator

import numpy as np

from models.customer.contract import Columns, Contract, Mask, Vector
from models.customer.feature import Feature, Limit
from models.customer.kinds import levels
from models.customer.kinds.learned_levels import LONGEST

_REFUSED: dict[Limit, str] = {"ge": "below", "gt": "not above", "le": "above", "lt": "not below"}


def find_violations(contract: Contract, columns: Columns) -> dict[str, Mask]:
    """Return every broken rule with the rows that break it.

    The keys are reasons such as `tenure_months above 120`, the values are (n,) masks. Rules that no row breaks are left
    out.
    """
    return {reason: mask for reason, mask in rules(contract, columns) if mask.any()}


def rules(contract: Contract, columns: Columns) -> Iterator[tuple[str, Mask]]:
    """Yield every rule of the contract with the rows that break it, also if there are none."""
    encoded = {feature.name: feature.encode(columns[feature.name]) for feature in contract.features}
    for feature in contract.features:
        yield from _broken_rules(feature, encoded)


def find_unseen(contract: Contract, columns: Columns) -> dict[str, Mask]:
    """Return the rows, by open category, whose level was never seen in training; (n,) masks.

    The rows must have passed `find_violations`.
    """
    found = {}
    for feature in contract.open_categories:
        if feature.name not in contract.absent:
            levels = columns[feature.name].tolist()
            unseen = (isinstance(level, str) and level not in feature.levels for level in levels)
            found[feature.name] = np.fromiter(unseen, dtype=np.bool_, count=len(levels))
    return found


def _broken_rules(feature: Feature, encoded: dict[str, Vector]) -> Iterator[tuple[str, Mask]]:
    name, values = feature.name, encoded[feature.name]
    readable = np.isfinite(values)
    if not feature.nullable:
        yield f"{name} missing", np.isnan(values)
    yield f"{name} not {_expected(feature)}", np.isinf(values)
    if feature.kind == "integer":
        yield f"{name} not a whole number", readable & (values != np.floor(values))
    if feature.kind == "boolean":
        yield f"{name} not true or false", readable & ~np.isin(values, (0, 1))
    for limit, bound in feature.limits.items():
        yield f"{name} {_REFUSED[limit]} {bound:g}", readable & ~getattr(operator, limit)(values, bound)
    if feature.at_least is not None:
        other = encoded[feature.at_least]
        yield f"{name} below {feature.at_least}", readable & np.isfinite(other) & (values < other)


def _expected(feature: Feature) -> str:
    if feature.kind == "open_category":
        is_listed = feature.unseen == "refused" and feature.levels
        return levels.listed(tuple(feature.levels)) if is_listed else f"a text of 1 to {LONGEST} characters"
    if feature.kind == "category":
        many = len(feature.categories) > levels.MOST
        return levels.listed(feature.categories) if many else f"one of {list(feature.categories)}"
    if feature.is_age:
        return f"a number of {feature.unit}"
    return "true or false" if feature.kind == "boolean" else "a number"
