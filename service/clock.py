"""Timestamps of predictions, for their ids, responses and log rows.

They are formatted from the clock's integer: formatting an aware datetime takes a tenth of the time of a prediction.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple


class Timestamp(NamedTuple):
    """A time of this machine's clock, UTC."""

    milliseconds: int
    """Milliseconds since 1970."""
    text: str
    """ISO 8601 with microseconds and without a time zone."""

    @property
    def spaced(self) -> str:
        """The same text with a space instead of the T, as databases write it."""
        return self.text.replace("T", " ")


def now() -> Timestamp:
    """Return the current time."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    text = f"{_written(seconds)}.{nanoseconds // 1000:06d}"
    return Timestamp(seconds * 1000 + nanoseconds // 1_000_000, text)


@lru_cache(maxsize=1)
def _written(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
