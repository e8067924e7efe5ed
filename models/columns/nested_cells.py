"""Refuses columns of lists and objects, whatever kind of file they came in."""

import json
from typing import Any

import numpy as np
import pandas as pd

from models.columns.errors import ColumnUnsupported
from models.customer import parsing
from models.customer.feature import Feature

_KINDS: dict[type, str] = {list: "lists", tuple: "lists", np.ndarray: "lists", dict: "objects", bytes: "bytes"}


def require_none(column: pd.Series, feature: Feature) -> None:
    """Check by the first known cell that a column does not hold lists, objects or bytes.

    Raises:
        ColumnUnsupported: it does.
    """
    if column.dtype != object:
        return
    cell = next((cell for cell in column.array if not _is_unknown(cell)), None)
    if kind := _KINDS.get(type(cell)) or _kind_of_text(cell, feature):
        raise ColumnUnsupported(feature=feature.name, column=str(column.name), kind=kind)


def _kind_of_text(cell: Any, feature: Feature) -> str | None:
    """Return what a text is in JSON, as which all files but Parquet hold a list."""
    if not isinstance(cell, str) or not cell.lstrip().startswith(("[", "{")) or cell in feature.categories:
        return None
    try:
        return _KINDS.get(type(json.loads(cell)))
    except (ValueError, RecursionError):
        return None


def _is_unknown(cell: Any) -> bool:
    if isinstance(cell, str | float):
        return parsing.whole(cell) in (None, "")
    return cell is None or cell is pd.NaT
