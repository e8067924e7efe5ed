"""One line a request in the log: of those that failed every one, of all others only so many a second.

What is shed counts among the others: under overload there are thousands a second, and they say nothing new.
"""

import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger(__name__)


class RequestLog:
    """Counts what it leaves out, and says so in the next line."""

    def __init__(self, lines_per_second: int) -> None:
        self._lines_per_second = lines_per_second
        self._second_ends = 0.0
        self._lines_left = self._left_out = 0

    def admits(self, *, failed: bool, now: float) -> bool:
        """Tell whether a request that was answered `now`, in seconds on a monotonic clock, gets its line."""
        if failed:
            return True
        if now >= self._second_ends:
            self._second_ends, self._lines_left = now + 1, self._lines_per_second
        if not self._lines_left:
            self._left_out += 1
            return False
        self._lines_left -= 1
        return True

    def write(self, facts: Mapping[str, Any]) -> None:
        """Write the line of a request."""
        left_out = {"requests_not_logged": self._left_out} if self._left_out else {}
        self._left_out = 0
        logger.info("request", extra={"facts": {**facts, **left_out}})
