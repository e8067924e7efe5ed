"""Encodes values of a feature as numbers: null as NaN, what cannot be read as inf."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt


def category(position: Mapping[int | float | str, float], value: Any) -> float:
    """Encode a value of a category as its position."""
    if is_null(value):
        return np.nan
    # A boolean equals 0 or 1 but is not a category; a file may contain the category 1 as 1.0.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return np.inf
    return position.get(value, np.inf)


def numbers(values: Iterable[Any], *, booleans: bool) -> npt.NDArray[np.float64]:
    """Encode numbers, or booleans as 1 and 0."""
    array = np.asarray(values) if hasattr(values, "dtype") else np.array(list(values), dtype=object)
    if array.dtype.kind in "iuf" or (booleans and array.dtype.kind == "b"):
        return array.astype(np.float64)
    return np.array([_number(value, booleans=booleans) for value in array.tolist()], dtype=np.float64)


def _number(value: Any, *, booleans: bool) -> float:
    if is_null(value):
        return np.nan
    if not isinstance(value, int | float | Decimal) or (isinstance(value, bool) and not booleans):
        return np.inf
    try:
        return float(value)
    except OverflowError:
        return np.inf


def is_null(value: Any) -> bool:
    """Return whether a value is None or NaN."""
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))
