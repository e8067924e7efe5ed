"""The request log: a limited number of lines per second, with a budget of its own for each kind of request.

Whoever sends thousands of requests a second must neither fill the disk nor hide the failures of others.
"""

import logging
from collections.abc import Mapping
from typing import Any, Literal

logger = logging.getLogger(__name__)

Kind = Literal["answered", "refused", "failed"]
"""Of a request: answered or shed, refused for a mistake of the client, or failed by a fault of the service."""
FAILURES_PER_SECOND = 10
"""Lines of refused requests, and of failed ones, even if the setting is lower."""


class RequestLog:
    """Counts the requests that it leaves out, and reports the count in the next line."""

    def __init__(self, lines_per_second: int) -> None:
        failures = max(lines_per_second, FAILURES_PER_SECOND)
        self._lines_per_second: dict[Kind, int] = {
            "answered": lines_per_second,
            "refused": failures,
            "failed": failures,
        }
        self._lines_left: dict[Kind, int] = {}
        self._second_ends = 0.0
        self._left_out = 0

    def admits(self, kind: Kind, *, now: float) -> bool:
        """Return whether a request gets a line; `now` is the time of its answer, in seconds on a monotonic clock."""
        if now >= self._second_ends:
            self._second_ends, self._lines_left = now + 1, self._lines_per_second.copy()
        if not self._lines_left[kind]:
            self._left_out += 1
            return False
        self._lines_left[kind] -= 1
        return True

    def write(self, facts: Mapping[str, Any], *, error: BaseException | None = None) -> None:
        """Write the line of a request, and before it the traceback of an unexpected error."""
        left_out = {"requests_not_logged": self._left_out} if self._left_out else {}
        self._left_out = 0
        if error is not None:
            logger.error("unexpected error", exc_info=error)
        logger.info("request", extra={"facts": {**facts, **left_out}})
