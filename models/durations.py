"""Durations as they are written on a command line: 90m, 24h, 7d."""

from datetime import timedelta

PATTERN = r"^[1-9]\d{0,3}[mhd]$"
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse(text: str) -> timedelta:
    """Parse a duration that matches `PATTERN`.

    >>> parse("90m")
    datetime.timedelta(seconds=5400)
    """
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
