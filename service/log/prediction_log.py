"""The queue of the prediction log: takes rows from requests at once, and writes them to disk within half a second.

`service.log.shipper` moves them from disk to the database, so nothing here waits for a database.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from models.features import CustomerFeatures
from service import clock
from service.log.request_counts import RequestCounts
from service.log.spool import Backlog, Spool
from service.metrics import Metrics
from service.model.predictor import PredictionBatch, Predictor
from service.model.shadow import UnscoredBatch

logger = logging.getLogger(__name__)

PREDICTIONS, CHALLENGER_PREDICTIONS, TRAFFIC = "predictions", "challenger_predictions", "traffic"
"""Names of the tables in `models.log.log_tables`; importing that would make every worker load SQLAlchemy."""
LATE_SECONDS = 5
"""Age of a row from which on /health reports where it waits."""
MAX_QUEUED_ROWS = 100_000
"""Most rows in memory, if the disk is slow; about 25 MB."""
MAX_UNSCORED_ROWS = 20_000
"""Most rows for a shadow between two pages; more would take a tenth of a second, in which requests wait."""


class PredictionLog(Protocol):
    """Takes predictions from any thread, without waiting."""

    @property
    def problem(self) -> str | None:
        """What is wrong, and what happens to the rows; None if all is well."""

    @property
    def behind_seconds(self) -> float:
        """Age of the oldest row that may not be in the database yet; 0 if there is none."""

    def put(self, parts: Sequence[PredictionBatch], *, shadow: Predictor | None = None) -> None:
        """Add the predictions of one request, which a shadow scores as well."""

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Count a rejected request for predictions, with the number of broken rules by field."""


class NoLog:
    """A log that keeps nothing."""

    problem, behind_seconds = None, 0.0

    def put(self, parts: Sequence[PredictionBatch], *, shadow: Predictor | None = None) -> None:
        """Drop the predictions."""

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Drop the count."""


class SpooledLog:
    """Writes pages of rows to a spool; rows beyond its size, or beyond the queue's, are dropped and counted."""

    def __init__(
        self, spool: Spool, *, keep: Callable[[CustomerFeatures], str], max_bytes: int, metrics: Metrics
    ) -> None:
        self._spool, self._keep, self._max_bytes, self._metrics = spool, keep, max_bytes, metrics
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._unscored: list[UnscoredBatch] = []
        self._unwritten_since = 0  # the oldest row that is not on disk, in milliseconds since 1970; 0 for none
        self._traffic = RequestCounts()
        self._waiting = Backlog()
        self._disk_problem = "the disk does not answer"
        self._dropping = False

    def put(self, parts: Sequence[PredictionBatch], *, shadow: Predictor | None = None) -> None:
        """Add the predictions of one request, which a shadow scores as well; 2 µs each."""
        lines: list[str] = []
        for predicted in parts:
            lines += _lines(predicted, self._keep)
        with self._lock:
            self._traffic.answered += 1
            self._unwritten_since = self._unwritten_since or parts[0].made_at.milliseconds
            if len(self._lines) < MAX_QUEUED_ROWS:
                self._lines += lines
                if shadow is not None:
                    for predicted in parts:
                        self._leave(predicted, shadow)
                return
        self._drop(len(lines), self._disk_problem)
        if shadow is not None:
            self._metrics.count_shadow_dropped(len(lines))

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Count a rejected request for predictions."""
        with self._lock:
            self._traffic.refused += 1
            self._traffic.refused_fields.update(fields)

    def write(self) -> None:
        """Write the rows that were added since the last call; if the disk fails, they are written again later."""
        with self._lock:
            lines, self._lines = self._lines, []
            unscored, self._unscored = self._unscored, []
            since = self._unwritten_since
        began, is_full = clock.now().milliseconds, self._is_full
        self._metrics.describe_log_queue(len(lines))
        if lines and is_full:
            self._drop(len(lines), "the spool is full")
        is_on_disk = not is_full and (not lines or self._write(lines))
        if is_on_disk or is_full:
            with self._lock:
                self._unwritten_since = began if self._lines else 0
        for rows in unscored:  # their page must come after the page of the predictions that it refers to
            if not (is_on_disk and self._write_scored(rows, since)):
                self._metrics.count_shadow_dropped(len(rows))

    def write_traffic(self) -> None:
        """Write how many requests came since the last call, if any."""
        with self._lock:
            traffic, self._traffic = self._traffic, RequestCounts()
        if not traffic.any:
            return
        now = clock.now()
        try:
            self._spool.write(TRAFFIC, [traffic.line(now)], since=now.milliseconds)
        except OSError:  # the page of predictions reports the problem
            with self._lock:
                self._traffic.add(traffic)

    def look(self) -> None:
        """Measure how far the database is behind."""
        self._waiting = self._spool.waiting()
        self._metrics.describe_log(
            spool_bytes=self._waiting.size_bytes,
            rejected_pages=self._waiting.rejected_pages,
            behind_seconds=self.behind_seconds,
        )

    def close(self) -> None:
        """Write the remaining rows; rows that cannot be written now are lost, and reported as lost."""
        self.write()
        if self._lines:
            self._drop(len(self._lines), self._disk_problem)
        self.write_traffic()

    @property
    def behind_seconds(self) -> float:
        """Age of the oldest row that may not be in the database yet; 0 if there is none."""
        known = [since for since in (self._unwritten_since, self._waiting.since) if since]
        return max(0.0, time.time() - min(known) / 1000) if known else 0.0

    @property
    def problem(self) -> str | None:
        """What is wrong, and what happens to the rows."""
        if self._is_full:
            return "Predictions are returned but not logged: the spool is full."
        if self._unwritten_since and time.time() - self._unwritten_since / 1000 > LATE_SECONDS:
            return f"Predictions are returned but held in memory: {self._disk_problem}. They may be lost."
        if self._waiting.since and self.behind_seconds > LATE_SECONDS:
            return (
                f"Predictions of the last {self.behind_seconds:.0f} s are not in the log's database yet: "
                f"{self._spool.explanation() or 'the database is catching up'}. They wait on disk, and none is lost."
            )
        if rejected := self._waiting.rejected_pages:
            return f"The log's database rejected {rejected} pages of rows; they are kept in {self._spool.name}."
        return None

    @property
    def _is_full(self) -> bool:
        return self._waiting.size_bytes >= self._max_bytes

    def _write(self, lines: list[str]) -> bool:
        try:
            size_bytes = self._spool.write(PREDICTIONS, lines, since=self._unwritten_since)
        except OSError as error:
            self._disk_problem = error.strerror or str(error)
            with self._lock:
                self._lines[:0] = lines
            return False
        self._waiting = replace(self._waiting, size_bytes=self._waiting.size_bytes + size_bytes)
        self._metrics.count_logged(len(lines))
        self._dropping = False
        return True

    def _leave(self, predicted: PredictionBatch, shadow: Predictor) -> None:
        """Queue rows for a shadow, which scores them when their page is written; the caller must hold the lock."""
        if len(predicted.ids) + sum(map(len, self._unscored)) > MAX_UNSCORED_ROWS:
            self._metrics.count_shadow_dropped(len(predicted.ids))
            return
        if not self._unscored or self._unscored[-1].challenger is not shadow:
            self._unscored.append(UnscoredBatch(shadow))
        self._unscored[-1].add(predicted)

    def _write_scored(self, rows: UnscoredBatch, since: int) -> bool:
        try:
            lines, differences = rows.score()
            size_bytes = self._spool.write(CHALLENGER_PREDICTIONS, lines, since=since)
        except Exception:  # any error affects the challenger alone
            logger.exception("the challenger %s did not score %d rows", rows.version, len(rows))
            return False
        self._waiting = replace(self._waiting, size_bytes=self._waiting.size_bytes + size_bytes)
        self._metrics.count_shadow(rows.version, differences)
        return True

    def _drop(self, rows: int, reason: str) -> None:
        self._metrics.count_dropped(rows)
        with self._lock:
            self._traffic.dropped += rows
        if not self._dropping:
            logger.error("predictions are not logged any more: %s", reason)
        self._dropping = True


def _lines(predicted: PredictionBatch, keep: Callable[[CustomerFeatures], str]) -> Iterator[str]:
    begin = f"\t{predicted.made_at.spaced}\t{predicted.model_version}\t"
    rows = zip(
        predicted.ids, predicted.customers, predicted.probabilities, predicted.decisions, predicted.tiers, strict=True
    )
    for identity, customer, probability, decision, tier in rows:
        yield f"{identity}{begin}{keep(customer)}\t{probability!r}\t{decision:d}\t{tier}"
