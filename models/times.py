"""Reads times: ISO 8601 texts, texts of a declared format, and numbers of a known clock.

The far end 9999-12-31, which many databases use for "no end yet", is a time like any other.
"""

import contextlib
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

Numbers = npt.NDArray[np.float64]
"""(n,) numbers of one clock, or seconds since 1970."""
_NUMBER = re.compile(r"\d+|(0|[1-9]\d*)\.\d+")
_MONTH = re.compile(r"\d{4}-\d{2}")
_DIGITS = re.compile(r"(%[dmYyHMS])+")
_DAY_SECONDS = 86_400.0
_EXCEL_1970 = 25_569
_FORMATS = (
    *(f"%d{sign}%m{sign}%Y{clock}" for sign in "./-" for clock in ("", " %H:%M", " %H:%M:%S")),
    *(f"%m{sign}%d{sign}%Y{clock}" for sign in "/-" for clock in ("", " %H:%M", " %H:%M:%S")),
    *(f"%Y{sign}%m{sign}%d{clock}" for sign in "./" for clock in ("", " %H:%M", " %H:%M:%S")),
    *("%m.%Y", "%m/%Y", "%m-%Y", "%Y/%m", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%b %Y", "%d %b %Y", "%d-%b-%Y"),
)
"""Formats that an error suggests; none is used unless it is declared."""


def is_number(text: str) -> bool:
    """Tell whether a text is a number, which only a clock makes a time; 01.2023 is none."""
    return _NUMBER.fullmatch(text) is not None


def read(text: str, *, form: str | None = None) -> datetime:
    """Read one text as ISO 8601, or in the format `form` of `datetime.strptime`; a month is its first day.

    The time has a zone only if the text has one.

    Raises:
        ValueError: the text is no such time.

    >>> [read(text).isoformat() for text in ("20261129", "2026-11", "2026-11-29 10:00 UTC")]
    ['2026-11-29T00:00:00', '2026-11-01T00:00:00', '2026-11-29T10:00:00+00:00']
    >>> [read(text, form="%d%m%Y").isoformat() for text in ("01022026", "1022026.0")]
    ['2026-02-01T00:00:00', '2026-02-01T00:00:00']
    """
    text = text.strip()
    if form is not None:
        return datetime.strptime(_padded(text, form), form)  # noqa: DTZ007  # times without a zone are UTC
    text = text.upper()
    plain = text.removesuffix("UTC").rstrip()
    at = datetime.fromisoformat(f"{plain}-01" if _MONTH.fullmatch(plain) else plain)
    return at if plain == text else in_utc(at)


def validated(value: Any) -> Any:
    """Read a text for pydantic: ISO 8601, or seconds or milliseconds since 1970; another value is returned unread.

    pydantic itself takes any digits for a time of 1970.

    Raises:
        PydanticCustomError: the text is no time, or a number of another clock.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    with contextlib.suppress(ValueError):
        return read(text)
    clocks = fitting_clocks(np.array([float(text)])) if is_number(text) else {}
    for clock in ("seconds since 1970", "milliseconds since 1970"):
        if clock in clocks:
            return datetime.fromtimestamp(clocks[clock].item(), UTC)
    understood = f"; this number was understood as {' or '.join(clocks)}" if clocks else ""
    message = "Input should be a time as 2026-11-29T10:00Z{understood}"
    raise PydanticCustomError("not_a_time", message, {"understood": understood})


def in_utc(at: datetime) -> datetime:
    """Return the time with its zone; without one it is UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Time = Annotated[datetime, BeforeValidator(validated), AfterValidator(in_utc)]
"""A time of a command line or a file."""


def fitting_formats(texts: Iterable[str]) -> list[str]:
    """Return the usual formats that fit all texts."""
    known = list(texts)
    return [form for form in _FORMATS if all(fits(text, form) for text in known)]


def fitting_clocks(numbers: Numbers) -> dict[str, Numbers]:
    """Return each clock that can have given all the numbers, and the seconds since 1970 that it means by them.

    >>> {clock: seconds.tolist() for clock, seconds in fitting_clocks(np.array([46355.0])).items()}
    {"Excel's days": [1795910400.0]}
    """
    found = {clock: read(numbers) for clock, read in _CLOCKS.items()}
    return {clock: seconds for clock, seconds in found.items() if seconds is not None}


def is_count(numbers: Numbers) -> bool:
    """Tell whether numbers can count periods: whole, below 10,000, and beginning below 100."""
    return bool(_are_whole(numbers) and numbers.min() < 100 and numbers.max() < 10_000)


def fits(text: str, form: str) -> bool:
    """Tell whether a text is a time in a format."""
    try:
        read(text, form=form)
    except ValueError:
        return False
    return True


def _padded(text: str, form: str) -> str:
    """Restore the zeros that a number has lost: strptime would read 1012023 as day 10 of month 1."""
    if not _DIGITS.fullmatch(form):
        return text
    width = sum(4 if letter == "Y" else 2 for letter in form[1::2])
    return text.removesuffix(".0").zfill(width)


def _are_whole(numbers: Numbers) -> bool:
    return bool((np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers))).all())


def _linear(numbers: Numbers, *, low: float, high: float, unit_seconds: float, at_1970: float = 0) -> Numbers | None:
    if not ((numbers >= low) & (numbers < high)).all():
        return None
    return (numbers - at_1970) * unit_seconds


def _digits(numbers: Numbers, *, form: str) -> Numbers | None:
    """Read dates that are written as one number: `form` has a letter of `DMY` for each digit."""
    if not _are_whole(numbers) or numbers.max() >= 10 ** len(form):
        return None
    parts = dict.fromkeys("DMY", np.zeros(len(numbers), dtype=np.int64))
    for power, letter in enumerate(reversed(form)):
        place = 10 ** form[len(form) - power :].count(letter)
        parts[letter] = parts[letter] + numbers.astype(np.int64) // 10**power % 10 * place
    year = parts["Y"]
    month, day = (parts[letter] if letter in form else np.ones_like(year) for letter in "MD")
    if not (((year >= 1900) & (year <= 2100) | (year == 9999)) & (month >= 1) & (month <= 12) & (day >= 1)).all():
        return None
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1)
    return None if (days.astype("M8[M]") != months).any() else days.astype("M8[s]").astype(np.float64)


_CLOCKS: dict[str, Callable[[Numbers], Numbers | None]] = {
    "seconds since 1970": partial(_linear, low=1e8, high=4.2e9, unit_seconds=1),
    "milliseconds since 1970": partial(_linear, low=1e11, high=4.2e12, unit_seconds=1e-3),
    "microseconds since 1970": partial(_linear, low=1e14, high=4.2e15, unit_seconds=1e-6),
    "nanoseconds since 1970": partial(_linear, low=1e17, high=4.2e18, unit_seconds=1e-9),
    "days since 1970": partial(_linear, low=10_000, high=_EXCEL_1970, unit_seconds=_DAY_SECONDS),
    "Excel's days": partial(_linear, low=_EXCEL_1970, high=73_051, unit_seconds=_DAY_SECONDS, at_1970=_EXCEL_1970),
    **{form: partial(_digits, form=form) for form in ("YYYY", "YYYYMM", "MMYYYY", "YYYYMMDD", "DDMMYYYY", "MMDDYYYY")},
}
"""Numbers from 1973 to 2100; a shorter range keeps the clocks apart."""
