"""Reads a column of dates: typed ones, and texts in ISO 8601 or in the format that `[csv] time` declares."""

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from models import times
from models.customer import parsing
from models.customer.contract import Vector
from models.customer.files.csv_format import CsvFormat


def seconds(column: pd.Series, style: CsvFormat, nulls: Collection[str]) -> Vector:
    """Return seconds since 1970, NaN for unknown and infinity for what is no date; without a zone, a time is in UTC.

    Numbers are dates only as YYYYMMDD, unless `[csv] time` declares other digits.
    """
    unknown = {parsing.canonical(null) for null in (*nulls, *style.nulls)}
    if column.dtype.kind == "M":
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
        ticks = naive.to_numpy()
        found: Vector = (ticks - np.zeros(1, dtype=ticks.dtype)) / np.timedelta64(1, "s")
        return _without(found, [_moment(null, style) for null in unknown if null])
    known: dict[str | None, float] = dict.fromkeys([None, *unknown, *parsing.NULLS], math.nan)
    return np.array([_known(known, cell, style) for cell in column.tolist()], dtype=np.float64)


def _known(known: dict[str | None, float], cell: Any, style: CsvFormat) -> float:
    text = parsing.whole(cell)
    if text not in known:
        known[text] = _moment(text or "", style)
    return known[text]


def _moment(text: str, style: CsvFormat) -> float:
    for form in (style.time, None) if style.time else (None,):
        try:
            return times.in_utc(times.read(text, form=form)).timestamp()
        except (ValueError, OverflowError):
            continue
    return math.inf


def _without(found: Vector, unknown: list[float]) -> Vector:
    return np.where(np.isin(found, [moment for moment in unknown if math.isfinite(moment)]), np.nan, found)
