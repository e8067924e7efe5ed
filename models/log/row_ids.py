"""Names of rows that lie in the order of time: as in UUIDs of version 7, they begin with the time in milliseconds.

So a log grows at its end, and a window of time is a range of its primary key.
"""

from datetime import datetime

_TIME_DIGITS, _DIGITS = 12, 32


def time_digits(milliseconds: int) -> str:
    """Write a time, counted from 1970 in UTC, as the 12 hex digits that its ids begin with."""
    return f"{milliseconds:0{_TIME_DIGITS}x}"


def first_id(at: datetime) -> str:
    """Return the lower bound of all ids of a time or later, 32 hex digits.

    >>> from datetime import UTC
    >>> first_id(datetime(2026, 3, 1, tzinfo=UTC))
    '019ca6b1dc0000000000000000000000'
    """
    return time_digits(int(at.timestamp() * 1000)).ljust(_DIGITS, "0")
