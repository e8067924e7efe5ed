"""Reasons for a prediction in words, from the features' contributions to the score.

The words come from the contract: its phrases, labels and names.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from models.customer.contract import Contract, Feature

MAX_REASONS = 3
LEAST_CONTRIBUTION = 0.01
"""In log-odds; a smaller contribution changes a probability by at most a quarter of a percentage point."""


def of(contract: Contract, customer: Mapping[str, Any], contributions: Sequence[float]) -> list[str]:
    """Return a reason for each of the strongest contributions, strongest first; they are in the contract's order."""
    ranked = sorted(zip(contract.features, contributions, strict=True), key=lambda pair: -abs(pair[1]))
    return [
        f"{_describe(feature, customer[feature.name])} {'raises' if contribution > 0 else 'lowers'} the risk"
        for feature, contribution in ranked[:MAX_REASONS]
        if abs(contribution) >= LEAST_CONTRIBUTION
    ]


def _describe(feature: Feature, value: Any) -> str:
    if value is None:
        return f"unknown {feature.name.replace('_', ' ')}"
    return feature.phrase.format(value=_write(feature, value), s="" if value == 1 else "s")


def _write(feature: Feature, value: Any) -> str:
    if feature.kind == "category":
        return feature.labels[feature.categories.index(value)]
    if feature.kind == "boolean":
        return "yes" if value else "no"
    digits = 2 if abs(value) >= 1 else 6
    return f"{Decimal(f'{value:.{digits}f}').normalize():,f}"
