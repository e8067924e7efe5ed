"""Lengths of time as people write them on a command line: 90m, 24h or 7d."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_PATTERN = re.compile(r"[1-9]\d{0,3}[mhd]")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _check(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise PydanticCustomError("duration", "write a length of time as 90m, 24h or 7d")
    return text


Duration = Annotated[str, AfterValidator(_check)]
"""A setting that is a length of time, as text."""


def parse(text: str) -> timedelta:
    """Read a `Duration`.

    >>> parse("90m")
    datetime.timedelta(seconds=5400)
    """
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
