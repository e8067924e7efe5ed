"""Checks and converts the values of a row before it is inserted, because SQLite stores any value in any column."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import Column, Table

from models.bundles.risk import RiskTier
from models.log.log_tables import PREDICTIONS, Moment
from service.log.page_format import NULL

Value = str | float | None
_Check = Callable[[str], Value]
_INTEGER = re.compile(r"\d{1,9}", re.ASCII).fullmatch
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", re.ASCII).fullmatch
_TIERS = get_args(RiskTier)
_LATER_COLUMNS = {PREDICTIONS.name: 2}
"""Last columns of a table that rows may lack, of earlier versions or of a service without a holdout; they are null."""


class RowCheck:
    """Checks the rows of one table."""

    def __init__(self, table: Table) -> None:
        self._names = [column.name for column in table.columns]
        self._checks = [_optional(_check(column)) if column.nullable else _check(column) for column in table.columns]
        self._earlier = len(self._checks) - _LATER_COLUMNS.get(table.name, 0)

    def values(self, text: str) -> tuple[Value, ...]:
        """Return the values of a row in the order of the columns; 3 µs.

        Raises:
            ValueError: a value is not of its column's type. The message names the column and never the value, which may
                be personal data.
        """
        cells = text.split("\t")
        if self._earlier <= len(cells) < len(self._checks):
            cells += [NULL] * (len(self._checks) - len(cells))
        if len(cells) != len(self._checks):
            raise ValueError(
                f"it has {len(cells)} values, and the table has {len(self._checks)} columns; "
                "another version of the service wrote it, or it is damaged"
            )
        try:
            return tuple([check(cell) for check, cell in zip(self._checks, cells, strict=True)])
        except ValueError:
            raise ValueError(self._explain(cells)) from None

    def all_values(self, texts: Sequence[str]) -> list[tuple[Value, ...]] | None:
        """Return the values of all rows, column by column, 1 µs a row; None if `values` finds a fault in any of them.

        A value that many rows share, such as the version of the model, is checked once.
        """
        width = texts[0].count("\t") + 1 if texts else 0
        if not self._earlier <= width <= len(self._checks) or any(text.count("\t") != width - 1 for text in texts):
            return None
        cells = "\t".join(texts).split("\t")  # a list for each row would keep the garbage collector busy
        try:
            columns = [_check_column(check, cells[at::width]) for at, check in enumerate(self._checks[:width])]
        except ValueError:
            return None
        columns += [[None] * len(texts)] * (len(self._checks) - width)
        return list(zip(*columns, strict=True))

    def _explain(self, cells: list[str]) -> str:
        for name, check, cell in zip(self._names, self._checks, cells, strict=True):
            try:
                check(cell)
            except ValueError as error:
                return f"{name} is not {error}"
        raise AssertionError("the row has no fault")


def _check(column: Column[Any]) -> _Check:
    if column.primary_key or column.foreign_keys:
        return _digits(32)
    named: dict[str, _Check] = {
        "churn_probability": _probability,
        "risk_tier": _tier,
        "inputs_digest": _digits(64),
        "customer_digest": _digits(32),
    }
    if column.name in named:
        return named[column.name]
    if isinstance(column.type, sa.String):
        return _text(column.type.length or 0)
    typed: dict[type, _Check] = {
        Moment: _moment,
        sa.Boolean: _boolean,
        sa.Integer: _integer,
        sa.Double: _number,
        sa.JSON: _json,
    }
    return typed[type(column.type)]


def _check_column(check: _Check, cells: Sequence[str]) -> list[Value]:
    values = {cell: check(cell) for cell in set(cells)}
    return [values[cell] for cell in cells]


def _optional(check: _Check) -> _Check:
    return lambda cell: None if cell == NULL else check(cell)


def _digits(count: int) -> _Check:
    matches = re.compile(f"[0-9a-f]{{{count}}}").fullmatch

    def check(cell: str) -> str:
        if not matches(cell):
            raise ValueError(f"{count} hexadecimal digits")
        return cell

    return check


def _text(length: int) -> _Check:
    @lru_cache(maxsize=16)  # the rows of a page have few versions
    def check(cell: str) -> str:
        if not (cell.isprintable() and 1 <= len(cell) <= length):
            raise ValueError(f"a text of 1 to {length} printable characters")
        return cell

    return check


@lru_cache(maxsize=64)  # the customers of a batch have the same time
def _moment(cell: str) -> str:
    if not _MOMENT(cell):
        raise ValueError("a time as YYYY-MM-DD HH:MM:SS.ffffff")
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError("a time that exists") from None
    return cell


def _boolean(cell: str) -> str:
    if cell not in ("0", "1"):
        raise ValueError("0 or 1")
    return cell


def _integer(cell: str) -> str:
    if not _INTEGER(cell):
        raise ValueError("a whole number of at most nine digits")
    return cell


def _number(cell: str) -> float:
    if not math.isfinite(number := _float(cell)):
        raise ValueError("a finite number")
    return number


def _probability(cell: str) -> float:
    if not 0 <= (number := _float(cell)) <= 1:  # false for NaN
        raise ValueError("a number from 0 to 1")
    return number


def _float(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _tier(cell: str) -> str:
    if cell not in _TIERS:
        raise ValueError(f"one of {', '.join(_TIERS)}")
    return cell


def _json(cell: str) -> str:
    try:
        is_object = isinstance(from_json(cell, allow_inf_nan=False), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise ValueError("a JSON object")
    return cell
