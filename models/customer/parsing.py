"""Converts cells to values of the contract: text that holds numbers, and whole numbers however they are written.

Cells that cannot be converted stay as they are, so that `models.customer.checks` can report them.
"""

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from models.customer.feature import Feature
from models.customer.files.csv_format import CsvFormat

NULLS = frozenset(
    {"", "-", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NaT"}
    | {"null", "NULL", "None", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"}
)
"""Texts that are read as null, unless they are a category: those of pandas, a dash and NaT."""
UNLISTED = " is not under values"
"""End of the text that stands for a value of the source that the columns file does not translate."""
PLAIN = CsvFormat()
_BOOLEANS = {"1": True, "0": False}
_WHOLE = re.compile(r"([+-]?\d+)\.0*")


def read(feature: Feature, cells: Iterable[Any], style: CsvFormat = PLAIN) -> list[Any]:
    """Convert each cell to a value of the feature: a number, a boolean, a category, or None for null.

    >>> from dataclasses import replace
    >>> from models.features import CONTRACT
    >>> months = replace(CONTRACT.features[0], kind="integer", categories=())
    >>> read(months, ["12", " 7 ", "", "soon", 3])
    [12.0, 7.0, None, 'soon', 3]
    """
    if feature.kind == "open_category":
        return [_level(cell, style) for cell in cells]
    known = {str(category): category for category in feature.categories}
    return [_read(feature, known, cell, style) for cell in cells]


def whole(value: Any) -> str | None:
    """Write a cell as text without surrounding blanks, and a whole number without decimals; None for null.

    >>> [whole(cell) for cell in (" a ", 1.0, "1.00", Decimal("1.0"), 1.5, math.nan)]
    ['a', '1', '1', '1', '1.5', None]
    """
    if isinstance(value, str):
        text = value.strip()
        match = _WHOLE.fullmatch(text)
        return match[1] if match else text
    if value is None or (isinstance(value, float | Decimal) and math.isnan(value)):
        return None
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)


def level(text: str, style: CsvFormat = PLAIN) -> str | None:
    """Return the level of an open category that a text names; None for a text that stands for unknown.

    >>> [level(text) for text in (" Peru ", "4.0", "4", "N/A", "")]
    ['Peru', '4', '4', None, None]
    """
    text = text.strip()
    return None if text in NULLS else whole(style.plain_number(text) or text)


def canonical(value: Any) -> str | None:
    """Write a cell as `whole` does, and true and false as 1 and 0."""
    text = whole(value)
    return {"true": "1", "false": "0"}.get(text.lower(), text) if text else text


def _level(cell: Any, style: CsvFormat) -> Any:
    if isinstance(cell, str):
        return level(cell, style)
    return whole(cell) if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool) else cell


def _read(feature: Feature, known: Mapping[str, Any], cell: Any, style: CsvFormat) -> Any:
    if not isinstance(cell, str):
        is_kept = feature.kind != "category" or cell is None or isinstance(cell, bool)  # True equals 1, but is no code
        return cell if is_kept else known.get(whole(cell) or "", cell)
    text = cell.strip()
    if text in known:
        return known[text]
    if text in NULLS:
        return None
    plain = style.plain_number(text)
    if feature.kind == "boolean":
        return _BOOLEANS.get(canonical(plain or text) or "", text)
    if feature.kind == "category":
        return known.get(whole(plain or text) or "", text)
    return _number(plain, text)


def _number(plain: str | None, text: str) -> float | str:
    try:
        return text if plain is None else float(plain)
    except ValueError:
        return text
