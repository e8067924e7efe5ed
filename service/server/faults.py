"""Log of unexpected errors of connections: one a second at most, because clients can repeat what causes them."""

import logging
from time import monotonic

logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 1.0


class FaultLog:
    """Writes the traceback of an error, and leaves out those that follow too soon."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def write(self, error: BaseException) -> None:
        """Write a traceback, if the last one is old enough."""
        now = monotonic()
        if now >= self._next_at:
            self._next_at = now + SECONDS_BETWEEN
            logger.error("unexpected error in a connection, which is cut off", exc_info=error)
