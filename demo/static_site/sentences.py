"""Writes the sentences of reasons for the browser, which only fills in numbers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from models.customer import reasons
from models.customer.contract import Contract
from models.customer.feature import Feature

PLACE = "{value}"
"""Stands for a number in a sentence."""


def of(contract: Contract) -> list[dict[str, Any]]:
    """Return for each feature the sentences of an unknown value, and those of its values.

    The values are the categories, false and true, any level, or one and another number. Each has a pair of sentences:
    it raises the risk, it lowers the risk.
    """
    return [
        {"unknown": _pair(feature, None), "values": [_pair(*valued) for valued in _values(feature)]}
        for feature in contract.features
    ]


def _values(feature: Feature) -> Sequence[tuple[Feature, Any]]:
    if feature.kind == "category":
        return [(feature, value) for value in feature.categories]
    if feature.kind == "boolean":
        return [(feature, False), (feature, True)]
    if feature.kind == "open_category":
        return [(feature, PLACE)]
    # As a category, a number is written as its label; 1 has no plural.
    written = replace(feature, kind="category", categories=(1, 2), labels=(PLACE, PLACE))
    return [(written, 1), (written, 2)]


def _pair(feature: Feature, value: Any) -> list[str]:
    return [reasons.of(Contract((feature,)), {feature.name: value}, [contribution])[0] for contribution in (1.0, -1.0)]
