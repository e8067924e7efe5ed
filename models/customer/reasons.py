"""Reasons for a prediction in words, from the features' contributions to the score.

The words come from the contract: its phrases, labels, names and units.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from models.customer.contract import Contract
from models.customer.feature import Feature

MAX_REASONS = 3
LEAST_EFFECT = 0.001
"""A reason moves the probability by at least so much: without its contribution, it would be so far from what it is."""
_FARTHEST = 500  # largest log-odds, so that exp does not overflow
_DURATIONS = ("age", "tenure")
"""Words that say without a unit what is meant."""


def of(
    contract: Contract, customer: Mapping[str, Any], contributions: Sequence[float], *, score: float = 0.0
) -> list[str]:
    """Return a reason for each of the strongest contributions, strongest first; they are in the contract's order.

    `score` has the log-odds of the customer's probability; 0 is a probability of 50 %.
    """
    return [
        f"{_subject(feature, customer[feature.name])} {'raises' if contribution > 0 else 'lowers'} the risk"
        for feature, contribution in strongest(contract, contributions, score=score)
    ]


def strongest(contract: Contract, contributions: Sequence[float], *, score: float) -> list[tuple[Feature, float]]:
    """Return the features that are reasons with their contributions, strongest first; absent fields are none."""
    pairs = [pair for pair in zip(contract.features, contributions, strict=True) if pair[0].name not in contract.absent]
    ranked = sorted(pairs, key=lambda pair: -abs(pair[1]))
    return [pair for pair in ranked[:MAX_REASONS] if abs(_effect(score, pair[1])) >= LEAST_EFFECT]


def _effect(score: float, contribution: float) -> float:
    """Return how much higher the probability is than without the contribution."""
    return _probability(score) - _probability(score - contribution)


def _probability(score: float) -> float:
    return 1 / (1 + math.exp(-min(max(score, -_FARTHEST), _FARTHEST)))


def label(feature: Feature) -> str:
    """Return the name of a feature in words: "support tickets", or "tenure" for a tenure_months in months."""
    name = feature.name.replace("_", " ")
    plain = name.removesuffix(f" {feature.unit}").removesuffix(" in")
    return plain if plain in _DURATIONS else name


def _subject(feature: Feature, value: Any) -> str:
    """Describe a value by the feature's phrase, or as "tenure in months: 2", which needs no plural and no verb."""
    name = label(feature)
    if value is None:
        return f"{name}: unknown, which"
    if feature.phrase:
        return feature.phrase.format(value=_write(feature, value), s="" if value == 1 else "s")
    has_unit = feature.unit and f" {feature.unit} ".lower() not in f" {name} ".lower()
    return f"{name}{f' in {feature.unit}' if has_unit else ''}: {_write(feature, value)}, which"


def _write(feature: Feature, value: Any) -> str:
    if feature.kind == "category":
        return dict(zip(feature.categories, feature.labels, strict=True)).get(value, str(value))
    if feature.kind == "open_category":
        return str(value)
    if feature.kind == "boolean":
        return "yes" if value else "no"
    digits = 2 if abs(value) >= 1 else 6
    return f"{Decimal(f'{value:.{digits}f}').normalize():,f}"
