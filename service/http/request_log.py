"""The request log: one line for each failed request, and for other requests a limited number of lines per second.

Shed requests belong to the others: under overload there are thousands a second, and their lines add no information.
"""

import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger(__name__)


class RequestLog:
    """Counts the requests that it leaves out, and reports the count in the next line."""

    def __init__(self, lines_per_second: int) -> None:
        self._lines_per_second = lines_per_second
        self._second_ends = 0.0
        self._lines_left = self._left_out = 0

    def admits(self, *, failed: bool, now: float) -> bool:
        """Return whether a request gets a line; `now` is the time of its answer, in seconds on a monotonic clock."""
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
