"""Refuses columns of lists and objects, whatever kind of file they came in."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from models.columns.errors import ColumnUnsupported
from models.customer import parsing
from models.customer.feature import Feature

_KINDS: dict[type, str] = {list: "lists", tuple: "lists", np.ndarray: "lists", dict: "objects", bytes: "bytes"}


def require_none(column: pd.Series, feature: Feature, *, logged: bool) -> None:
    """Check that a column does not hold lists, objects or bytes.

    The first known cell decides. Of an open category, whose levels may be any texts, most known cells must be lists or
    objects in JSON. `logged` cells are from the log: the service has accepted each text, so texts are not looked at.

    Raises:
        ColumnUnsupported: it does.
    """
    if column.dtype != object:
        return
    cell = next((cell for cell in column.array if not _is_unknown(cell)), None)
    kind = _KINDS.get(type(cell))
    if kind is None and not logged:
        kind = _kind_of_most(column) if feature.kind == "open_category" else _kind_of_text(cell, feature)
    if kind:
        raise ColumnUnsupported(feature=feature.name, column=str(column.name), kind=kind)


def _kind_of_most(column: pd.Series) -> str | None:
    kinds = Counter(filter(None, map(_kind_in_json, column.array)))
    if not kinds:
        return None
    known = sum(not _is_unknown(cell) for cell in column.array)
    return kinds.most_common(1)[0][0] if 2 * kinds.total() > known else None


def _kind_of_text(cell: Any, feature: Feature) -> str | None:
    return None if cell in feature.categories else _kind_in_json(cell)


def _kind_in_json(cell: Any) -> str | None:
    """Return what a text is in JSON, as which all files but Parquet hold a list."""
    if not isinstance(cell, str) or not cell.lstrip().startswith(("[", "{")):
        return None
    try:
        return _KINDS.get(type(json.loads(cell)))
    except (ValueError, RecursionError):
        return None


def _is_unknown(cell: Any) -> bool:
    if isinstance(cell, str | float):
        return parsing.whole(cell) in (None, "")
    return cell is None or cell is pd.NaT
