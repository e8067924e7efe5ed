"""Follows what waits in the spool and for how long, also when the clock of the machine jumps.

The times of rows are those of the clock. How long something waits is measured with the monotonic clock as well.
"""

import logging
import time
from collections import deque
from dataclasses import replace

from service.log.spool import NO_SHIPPER, Backlog, Spool

logger = logging.getLogger(__name__)
_JUMP_SECONDS = 1.0
_READINGS = 20
"""Readings of the clock that are kept, two a second. A row is on disk and seen by all workers after less time."""


class BacklogWatch:
    """The backlog as of the last look, and the ids of rows that may not be in the database yet."""

    def __init__(self, spool: Spool) -> None:
        self.found = Backlog()
        self.problem = ""
        """Why the spool cannot be read; empty if it can."""
        self.shipper_problem = ""
        """Why no process ships pages; empty if one does."""
        self._spool = spool
        self._oldest_since, self._oldest_seen_at = 0, 0.0
        self._ages = deque([0.0, 0.0], maxlen=2)
        self._looked_at = 0.0
        self._readings: deque[tuple[float, float]] = deque(maxlen=_READINGS)
        self.read_clock()

    def look(self) -> None:
        """Look into the folder; a tenth of a second for a hundred thousand pages."""
        try:
            self.found = self._spool.waiting()
        except OSError as error:
            problem = error.strerror or str(error)
            if problem != self.problem:
                logger.error("the spool of the prediction log cannot be read: %s", problem)  # noqa: TRY400  # no traceback
            self.problem = problem
            return
        self.problem, explanation = "", self._spool.explanation()
        self.shipper_problem = explanation if explanation.startswith(NO_SHIPPER) else ""
        now = self._looked_at = time.monotonic()
        if self.found.since != self._oldest_since:
            self._oldest_since, self._oldest_seen_at = self.found.since, now
        # A clock that was set back makes rows look young. One that was set forward makes them look old, for one look.
        by_clock = time.time() - self.found.since / 1000
        self._ages.append(max(by_clock, now - self._oldest_seen_at, 0.0) if self.found.since else 0.0)

    def add(self, size_bytes: int) -> None:
        """Count a page that was written since the last look."""
        self.found = replace(self.found, size_bytes=self.found.size_bytes + size_bytes)

    def read_clock(self) -> None:
        """Notice whether the clock jumped since the last call."""
        steady, clock = time.monotonic(), time.time()
        if self._readings:
            last_steady, last_clock = self._readings[-1]
            jump = (clock - last_clock) - (steady - last_steady)
            if abs(jump) > _JUMP_SECONDS:
                logger.warning("the clock of this machine jumped by %+.0f s; times of predictions follow it", jump)
        self._readings.append((steady, clock))

    @property
    def behind_seconds(self) -> float:
        """Age of the oldest row in the folder; 0 if there is none."""
        age = min(self._ages)
        return age + time.monotonic() - self._looked_at if age else 0.0

    def span(self) -> tuple[float, float]:
        """Return the earliest and the latest time of rows that may wait, in seconds since 1970."""
        pages = [milliseconds / 1000 for milliseconds in (self.found.since, self.found.newest) if milliseconds]
        readings = list(self._readings)  # another thread adds to them
        times = [time.time(), *pages, *(clock for _, clock in readings)]
        return min(times), max(times)
