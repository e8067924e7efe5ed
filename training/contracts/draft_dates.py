"""Finds the columns of dates, how they are written, and at which time each date becomes an age."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa

from models import times
from models.columns import date_columns
from models.customer.contract import Vector
from models.customer.files.csv_format import CsvFormat
from models.customer.kinds import ages
from training.contracts import draft_names
from training.contracts.draft_profile import Profile

_LOOKED_AT = 1_000
_DIGITS = {"YYYYMMDD": None, "DDMMYYYY": "%d%m%Y", "MMDDYYYY": "%m%d%Y"}
_END = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""Databases write a later time for "no end yet"."""
_TIME_OF_ROW = re.compile(r"export|extract|snapshot|as_?of|report|observ|predict|cut_?off|referenc|stichtag|abzug")


@dataclass(frozen=True)
class Dates:
    """The columns of dates of a table."""

    moments: Mapping[str, Vector]
    """Seconds since 1970 in the first rows, NaN for unknown, by column."""
    nulls: Mapping[str, tuple[str, ...]]
    """Far ends such as 9999-12-31, which mean unknown, by column."""
    unclear: Mapping[str, str]
    """Columns of dates that cannot be read, and why."""
    form: str | None
    """How those are written that are not in ISO 8601."""

    def age(self, column: str) -> tuple[str, Vector]:
        """Return the column or the time for `age_at`, and the age in days in the first rows."""
        since = self.moments[column]
        name = next(self._later(column), None)
        if name is not None:
            return name, ages.between(since, self.moments[name], "days")
        newest = max(float(np.nanmax(moments)) for moments in self.moments.values() if not np.isnan(moments).all())
        at = datetime.fromtimestamp(newest, UTC)
        shown = f"{at:%Y-%m-%d}" if at.time().isoformat() == "00:00:00" else at.isoformat()
        return shown, ages.between(since, np.full(len(since), newest), "days")

    @cached_property
    def times_of_ages(self) -> set[str]:
        """The columns at whose times others have their ages."""
        return {name for column in self.moments if (name := next(self._later(column), None))}

    def _later(self, column: str) -> Iterator[str]:
        """Yield the columns that tell when a row was written: by their name or one value, and never before a date."""
        since = self.moments[column]
        for name, moments in self.moments.items():
            if name == column or np.isnan(moments).any() or (moments < since).any():
                continue
            if _TIME_OF_ROW.search(draft_names.snake(name)) or len(np.unique(moments)) == 1:
                yield name


def find(profiles: Sequence[Profile], first: pa.Table, style: CsvFormat) -> Dates:
    """Find the columns of dates among these profiles, and read them in the first rows."""
    found = {profile.name: forms for profile in profiles if (forms := _forms(profile))}
    form = style.time or _common([forms for forms in found.values() if None not in forms])
    unclear = {name: _problem(forms, form) for name, forms in found.items() if None not in forms and form not in forms}
    read = style.model_copy(update={"time": form})
    cells = {name: first.column(name).to_pandas() for name in found if name not in unclear}
    moments = {name: date_columns.seconds(column, read, ()) for name, column in cells.items()}
    nulls = {name: _far_ends(cells[name], one) for name, one in moments.items()}
    known = {name: np.where(np.isfinite(one) & (one < _END), one, np.nan) for name, one in moments.items()}
    return Dates(known, nulls, unclear, form)


def _forms(profile: Profile) -> list[str | None]:
    """Return the ways in which all dates of a column may be written, None for ISO 8601; empty if it has no dates."""
    if profile.stored == "time":
        return [None]
    texts = [profile.spelt[text] for text in list(profile.values)[:_LOOKED_AT]]
    declared = profile.style.time
    if not all(re.search(r"\d", text) for text in texts) or not texts:
        return []
    if declared and all(_is_date(text, declared) for text in texts):
        return [declared]
    if all(map(times.is_number, texts)):
        clocks = times.fitting_clocks(np.array([float(text) for text in texts]))
        return [form for clock, form in _DIGITS.items() if clock in clocks]
    return [form for form in (None, *times.fitting_formats(texts)) if all(_is_date(text, form) for text in texts)]


def _is_date(text: str, form: str | None) -> bool:
    try:
        year = times.read(text, form=form).year
    except ValueError:
        return False
    return 1900 <= year <= 2100 or year == 9999


def _common(written: Sequence[Sequence[str | None]]) -> str | None:
    """Return the one format in which all columns may be written, or else the commonest of those that are plain."""
    shared = set.intersection(*map(set, written)) if written else set()
    if len(shared) == 1:
        return shared.pop()
    plain = Counter(forms[0] for forms in written if len(forms) == 1)
    return plain.most_common(1)[0][0] if plain else None


def _problem(forms: Sequence[str | None], form: str | None) -> str:
    written = " or ".join(map(str, forms))
    return f"dates as {written}" + (f", where others are {form}" if form else "; which of them is not plain")


def _far_ends(cells: pd.Series, moments: Vector) -> tuple[str, ...]:
    is_far = np.isfinite(moments) & (moments >= _END)
    return tuple(sorted({str(cell).strip() for cell in cells[is_far]}))
