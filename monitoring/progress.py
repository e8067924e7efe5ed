"""How far a long run is: a line in the log, not too often."""

import logging
import time

LINE_SECONDS = 10
"""Pause between two lines."""

logger = logging.getLogger(__name__)


class Progress:
    """Counts rows, and tells of them under a name."""

    def __init__(self, name: str) -> None:
        self._name, self._rows, self._told_at = name, 0, time.monotonic()

    def add(self, rows: int) -> None:
        """Count rows that are done."""
        self._rows += rows
        if time.monotonic() - self._told_at >= LINE_SECONDS:
            self._told_at = time.monotonic()
            logger.info("%s: %s rows", self._name, f"{self._rows:,}")
