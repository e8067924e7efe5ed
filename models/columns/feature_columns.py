"""Makes the column of a feature from those of a table: read, aged, added, subtracted or divided."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.columns import date_columns
from models.columns.conversions import Conversions
from models.columns.origins import Source, Value
from models.customer import parsing
from models.customer.contract import Vector
from models.customer.feature import Feature
from models.customer.files.csv_format import CsvFormat
from models.customer.kinds import ages, clipping


def made(
    feature: Feature, source: Source, table: pd.DataFrame, style: CsvFormat, conversions: Conversions
) -> pd.Series:
    """Return the unchecked values of a feature; cells that cannot be read stay as they are, or become infinite."""
    if not source.columns:
        return pd.Series(parsing.read(feature, [source.default] * len(table)))
    if source.age_at is not None:
        return _age(feature, source, table, style)
    if source.column is not None:
        return _read(table[source.column], source, style, feature)
    parts = np.array([feature.encode(_read(table[name], source, style, feature)) for name in source.operands])
    return pd.Series(np.where(np.isinf(parts).any(axis=0), np.inf, _combined(feature.name, source, parts, conversions)))


def clipped(feature: Feature, column: pd.Series, conversions: Conversions) -> pd.Series:
    """Return a column with its numbers set to the bounds beyond which they lie."""
    beyond, cells = clipping.beyond(feature, column)
    conversions.count_clipped(feature.name, int(beyond.sum()))
    return pd.Series(cells) if beyond.any() else column


def text(cell: Any) -> str | None:
    """Write a cell as `parsing.canonical` does; None for null."""
    return None if cell is pd.NaT else parsing.canonical(cell)


def _combined(name: str, source: Source, parts: Vector, conversions: Conversions) -> Vector:
    with np.errstate(over="ignore", invalid="ignore"):  # too large a number is infinite, and so refused
        if source.sum:
            added: Vector = parts.sum(axis=0)
            return added
        first, second = parts
        if source.difference:
            less: Vector = first - second
            return less
        is_zero = second == 0
        conversions.count_zero_divisors(name, source.ratio[1], int((is_zero & ~np.isnan(first)).sum()))
        divided: Vector = np.divide(first, second, out=np.full(len(first), np.nan), where=~is_zero)
        return divided


def _age(feature: Feature, source: Source, table: pd.DataFrame, style: CsvFormat) -> pd.Series:
    begin, *end = source.columns
    since = date_columns.seconds(table[begin], style, source.nulls)
    if source.fixed_time is None:
        until = date_columns.seconds(table[end[0]], style, source.nulls)
    else:
        until = np.full(len(table), source.fixed_time.timestamp())
    with np.errstate(invalid="ignore"):
        found = ages.between(since, until, feature.unit or "days")
    unreadable = np.isinf(since) | np.isinf(until)
    if not unreadable.any():
        return pd.Series(found)
    cells: list[Any] = found.tolist()
    for at in np.flatnonzero(unreadable).tolist():
        wrong = begin if np.isinf(since[at]) else end[0]
        cells[at] = str(table[wrong].iloc[at])
    return pd.Series(cells)


def _read(column: pd.Series, source: Source, style: CsvFormat, feature: Feature) -> pd.Series:
    if column.dtype.kind in "mM":
        return column.astype(object)  # a time is no value of a contract, and its number must not become one
    nulls = {parsing.canonical(null) for null in (*source.nulls, *style.nulls)}
    if column.dtype.kind in "biuf" and not source.values and not nulls and not feature.holds_texts:
        return pd.Series(column.array)  # already typed: no text to convert
    cells: Sequence[Any] = column.tolist()
    if nulls:
        cells = [None if text(cell) in nulls else cell for cell in cells]
    if source.values:
        known = {parsing.canonical(foreign): value for foreign, value in source.values.items()}
        cells = [_translate(known, cell, others_are_values=feature.kind == "open_category") for cell in cells]
    return pd.Series(parsing.read(feature, cells, style))


def _translate(known: dict[str | None, Value], cell: Any, *, others_are_values: bool) -> Any:
    found = text(cell)
    if found in known or others_are_values:
        return known.get(found, cell)
    # A source value that the file does not list is never read as a value of the contract.
    return None if found is None or found in parsing.NULLS else f"{found}{parsing.UNLISTED}"
