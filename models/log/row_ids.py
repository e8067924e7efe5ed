"""Row ids in order of time: like UUIDs of version 7, they begin with the time in milliseconds.

New rows are therefore added at the end of a table, and a time window is a range of its primary key.
"""

from datetime import datetime

_TIME_DIGITS, _DIGITS = 12, 32


def time_digits(milliseconds: int) -> str:
    """Return the 12 hex digits that the ids of a time begin with, from milliseconds since 1970 in UTC."""
    return f"{milliseconds:0{_TIME_DIGITS}x}"


def first_id(at: datetime) -> str:
    """Return the lower bound of all ids at or after a time, 32 hex digits.

    >>> from datetime import UTC
    >>> first_id(datetime(2026, 3, 1, tzinfo=UTC))
    '019ca6b1dc0000000000000000000000'
    """
    return time_digits(int(at.timestamp() * 1000)).ljust(_DIGITS, "0")


def milliseconds(identity: str) -> int:
    """Return the time of a row, in milliseconds since 1970 in UTC."""
    return int(identity[:_TIME_DIGITS], 16)
