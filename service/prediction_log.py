"""The prediction log as requests see it: rows are taken at once, and lie on disk half a second later at most.

From there `service.shipper` brings them to the database, so nothing here waits for one. Knows nothing of HTTP.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from models.features import CustomerFeatures
from service import clock, random_names
from service.clock import Moment
from service.metrics import Metrics
from service.predictor import Predicted
from service.spool import Spool, Waiting

logger = logging.getLogger(__name__)

PREDICTIONS, TRAFFIC = "predictions", "traffic"
"""Tables, as `models.records` has them; importing it here would cost every worker SQLAlchemy."""
LATE_SECONDS = 5
"""The age of a page from which on the database is said to be behind."""
MAX_QUEUED_ROWS = 100_000
"""In memory, for a disk that is slow; some 25 MB."""


class PredictionLog(Protocol):
    """Takes from any thread, and returns at once."""

    @property
    def problem(self) -> str | None:
        """What is wrong with it, and what becomes of the rows; None when all is well."""

    def put(self, predicted: Predicted) -> None:
        """Take the predictions of one request."""

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Count a request for predictions that broke rules, so many of each field."""


class NoLog:
    """Keeps nothing."""

    problem = None

    def put(self, predicted: Predicted) -> None:
        """Forget them."""

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Forget it."""


class SpooledLog:
    """Writes pages of rows to a spool; what exceeds its size is dropped and counted."""

    def __init__(
        self, spool: Spool, *, keep: Callable[[CustomerFeatures], str], max_bytes: int, metrics: Metrics
    ) -> None:
        self._spool, self._keep, self._max_bytes, self._metrics = spool, keep, max_bytes, metrics
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._traffic = Traffic()
        self._waiting = Waiting()
        self._loss: str | None = None

    def put(self, predicted: Predicted) -> None:
        """Take the predictions of one request; 2 µs each."""
        lines = list(_lines(predicted, self._keep))
        with self._lock:
            self._traffic.answered += 1
            self._lines += lines

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Count a request for predictions that broke rules."""
        with self._lock:
            self._traffic.refused += 1
            self._traffic.refused_fields.update(fields)

    def write(self) -> None:
        """Write the rows that were taken since the last time; a disk that fails gets them again."""
        with self._lock:
            lines, self._lines = self._lines, []
        self._metrics.describe_log_queue(len(lines))
        if not lines:
            return
        if self._waiting.size_bytes >= self._max_bytes:
            self._drop(lines, "the spool is full")
            return
        try:
            size_bytes = self._spool.write(PREDICTIONS, lines)
        except OSError as error:
            self._hold(lines, error)
            return
        self._waiting = replace(self._waiting, size_bytes=self._waiting.size_bytes + size_bytes)
        self._metrics.count_logged(len(lines))
        self._loss = None

    def write_traffic(self) -> None:
        """Write how many requests came since the last time, if any did."""
        with self._lock:
            traffic, self._traffic = self._traffic, Traffic()
        if traffic.any:
            self._spool.write(TRAFFIC, [traffic.line(clock.now())])

    def look(self) -> None:
        """See how far the database is behind."""
        self._waiting = self._spool.waiting()
        self._metrics.describe_log(self._waiting)

    @property
    def problem(self) -> str | None:
        """What is wrong, and what becomes of the rows."""
        waiting = self._waiting
        if self._loss:
            return f"Predictions are answered, but not logged: {self._loss}."
        if waiting.seconds > LATE_SECONDS:
            return (
                f"Predictions of the last {waiting.seconds:.0f} s are not in the log's database yet: "
                f"{self._spool.explanation() or 'it is catching up'}. They wait on disk, and none is lost."
            )
        if waiting.rejected_pages:
            return f"The log's database refused {waiting.rejected_pages} pages of rows; they lie in {self._spool.name}."
        return None

    def _hold(self, lines: list[str], error: OSError) -> None:
        if len(lines) > MAX_QUEUED_ROWS:
            self._drop(lines, error.strerror or str(error))
            return
        with self._lock:
            self._lines[:0] = lines

    def _drop(self, lines: list[str], reason: str) -> None:
        self._metrics.count_dropped(len(lines))
        with self._lock:
            self._traffic.dropped += len(lines)
        if self._loss is None:
            logger.error("predictions are not logged any more: %s", reason)
        self._loss = reason


@dataclass
class Traffic:
    """Requests for predictions, counted."""

    answered: int = 0
    refused: int = 0
    refused_fields: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    """Predictions that did not reach the log."""

    @property
    def any(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.answered or self.refused or self.dropped)

    def line(self, at: Moment) -> str:
        """Write it as a row of the table."""
        [identity] = random_names.draw_ids(at.milliseconds, 1)
        fields = json.dumps(self.refused_fields)
        return f"{identity}\t{_written(at)}\t{self.answered}\t{self.refused}\t{fields}\t{self.dropped}"


def _lines(predicted: Predicted, keep: Callable[[CustomerFeatures], str]) -> Iterator[str]:
    begin = f"\t{_written(predicted.made_at)}\t{predicted.model_version}\t"
    rows = zip(
        predicted.ids, predicted.customers, predicted.probabilities, predicted.decisions, predicted.tiers, strict=True
    )
    for identity, customer, probability, decision, tier in rows:
        yield f"{identity}{begin}{keep(customer)}\t{probability!r}\t{decision:d}\t{tier}"


def _written(at: Moment) -> str:
    return at.text.replace("T", " ")  # as SQLite's own functions have it
