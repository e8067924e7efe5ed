"""Converts text to values of the contract: CSV cells, and text columns that hold numbers.

Text that cannot be converted stays text, so that `models.customer.checks` can report it.
"""

from collections.abc import Iterable
from typing import Any

from models.customer.contract import Feature

NULLS = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})
"""Texts that are read as null, unless they are a category."""
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read(feature: Feature, cells: Iterable[Any]) -> list[Any]:
    """Convert each text cell to a value of the feature: a number, a boolean, a category, or None for null.

    >>> from dataclasses import replace
    >>> from models.features import CONTRACT
    >>> months = replace(CONTRACT.features[0], kind="integer", categories=())
    >>> read(months, ["12", " 7 ", "", "soon", 3])
    [12.0, 7.0, None, 'soon', 3]
    """
    known = {str(category): category for category in feature.categories}
    return [_read(feature, known, cell.strip()) if isinstance(cell, str) else cell for cell in cells]


def _read(feature: Feature, known: dict[str, Any], text: str) -> Any:
    if text in known:
        return known[text]
    if text in NULLS:
        return None
    if feature.kind == "boolean":
        return _BOOLEANS.get(text.lower(), text)
    return text if feature.kind == "category" else _number(text)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
