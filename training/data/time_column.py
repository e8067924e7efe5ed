"""Reads the column of `--time-column`: times, texts, or numbers that can be of one clock only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models import times
from models.customer.contract import Vector
from training.errors import SplitImpossible

COUNT = "a count of periods"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOKED_AT = 1_000
"""Most different values that are tried to suggest a format."""


@dataclass(frozen=True)
class TimeColumn:
    """The time of each row."""

    name: str
    moments: Vector
    """(n,) seconds since 1970 in UTC, or counts."""
    taken_for: str | None = None
    """What numbers were taken for; None if the source has times."""

    def span(self, rows: npt.NDArray[np.int64]) -> str:
        """Write the first and the last time of some rows for people."""
        return f"from {self.show(self.moments[rows].min())} to {self.show(self.moments[rows].max())}"

    def show(self, moment: float) -> str:
        """Write one of the moments for people."""
        if self.taken_for == COUNT:
            return f"{moment:.0f}"
        at = _EPOCH + timedelta(seconds=moment)
        return f"{at:%Y-%m-%d}" if at.time().isoformat() == "00:00:00" else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def read(column: pd.Series, *, form: str | None = None, usual_form: str | None = None) -> TimeColumn:
    """Read the time of each row; texts are ISO 8601, or in the format `form` of `datetime.strptime`.

    Without `form`, texts are in the `usual_form` of the source if any of them is.

    Raises:
        SplitImpossible: a cell is empty or no time, or the numbers can be of no clock, or of several.
    """
    name = str(column.name)
    if missing := int(column.isna().sum()):
        raise SplitImpossible(column=name, problem=f"the time is missing in {missing:,} of {len(column):,} rows")
    if column.dtype.kind == "M":
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
        ticks = naive.to_numpy()
        return TimeColumn(name, (ticks - np.zeros(1, dtype=ticks.dtype)) / np.timedelta64(1, "s"))
    codes, different = pd.factorize(column)
    cells = different.tolist()
    if form is None and usual_form and any(times.fits(str(cell).strip(), usual_form) for cell in cells):
        form = usual_form
    values, taken_for = _read(name, cells, form)
    return TimeColumn(name, values[codes], taken_for)


def _read(name: str, cells: Sequence[Any], form: str | None) -> tuple[Vector, str | None]:
    """Return the moments of different cells, and what numbers were taken for."""
    if all(isinstance(cell, date) for cell in cells):  # a datetime is a date
        return np.array([times.in_utc(_datetime(cell)).timestamp() for cell in cells]), None
    texts = [str(cell).strip() for cell in cells]
    if form is None and all(map(_is_number, cells, texts)):
        return _from_numbers(name, np.array([float(text) for text in texts]), texts)
    moments = []
    for text in texts:
        try:
            moments.append(times.in_utc(times.read(text, form=form)).timestamp())
        except ValueError as error:
            raise SplitImpossible(column=name, problem=_misread(text, texts, form)) from error
    return np.array(moments), None


def _is_number(cell: Any, text: str) -> bool:
    return times.is_number(text) or (isinstance(cell, int | float) and not isinstance(cell, bool))


def _datetime(cell: date) -> datetime:
    return cell if isinstance(cell, datetime) else datetime(cell.year, cell.month, cell.day, tzinfo=UTC)


def _from_numbers(name: str, numbers: Vector, texts: Sequence[str]) -> tuple[Vector, str]:
    clocks = times.fitting_clocks(numbers)
    if len(clocks) > 1:
        problem = f"its numbers, such as {texts[0]}, can be {' or '.join(clocks)}; give a text with --time-format"
        raise SplitImpossible(column=name, problem=problem)
    for clock, moments in clocks.items():
        return moments, clock
    if not times.is_count(numbers):
        problem = f"its numbers, such as {texts[0]}, are of no clock that is known{_suggestion(texts)}"
        raise SplitImpossible(column=name, problem=problem)
    return numbers, COUNT


def _misread(text: str, texts: Sequence[str], form: str | None) -> str:
    if form is not None:
        return f"{text!r} is not a time in the format {form}"
    return f"{text!r} is not an ISO 8601 time{_suggestion(texts)}"


def _suggestion(texts: Sequence[str]) -> str:
    options = [f"--time-format {form}" for form in times.fitting_formats(texts[:_LOOKED_AT])]
    return f"; the values fit {' or '.join(options)}" if options else ""
