"""The queue of the prediction log: takes rows from requests at once, and writes them to disk within half a second.

`service.log.shipper` moves them from disk to the database, so nothing here waits for a database.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from service import clock
from service.log import prediction_rows
from service.log.backlog import BacklogWatch
from service.log.logged_inputs import InputKeeper
from service.log.page_writer import PageWriter
from service.log.prediction_rows import Row
from service.log.request_counts import RequestCounts
from service.log.spool import Spool
from service.metrics.metrics import Metrics
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

    def span_on_the_way(self) -> tuple[float, float]:
        """Return the earliest and latest time of rows that may not be in the database yet, in seconds since 1970."""

    def put(self, parts: Sequence[PredictionBatch], *, shadow: Predictor | None = None, requests: int = 1) -> None:
        """Add the predictions of some requests, which a shadow scores as well."""

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Count a rejected request for predictions, with the number of broken rules by field."""


class NoLog:
    """A log that keeps nothing."""

    problem = None

    def span_on_the_way(self) -> tuple[float, float]:
        """Return the current time twice."""
        return time.time(), time.time()

    def put(self, parts: Sequence[PredictionBatch], *, shadow: Predictor | None = None, requests: int = 1) -> None:
        """Drop the predictions."""

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Drop the count."""


class SpooledLog:
    """Writes pages of rows to a spool; rows beyond its size, or beyond the queue's, are dropped and counted."""

    def __init__(self, spool: Spool, *, keep: InputKeeper, max_bytes: int, metrics: Metrics) -> None:
        self._spool, self._keep, self._max_bytes, self._metrics = spool, keep, max_bytes, metrics
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._unscored: list[UnscoredBatch] = []
        self._unwritten_since = 0  # the oldest row that is not on disk, in milliseconds since 1970; 0 for none
        self._unwritten_at = 0.0  # when it came, by the monotonic clock
        self._traffic = RequestCounts()
        self._backlog = BacklogWatch(spool)
        self._pages = PageWriter(spool, self._backlog)
        self._dropping = False

    def put(self, parts: Sequence[PredictionBatch], *, shadow: Predictor | None = None, requests: int = 1) -> None:
        """Add the predictions of some requests, which a shadow scores as well; 2 µs each."""
        rows: list[Row] = []
        for predicted in parts:
            rows += prediction_rows.make(predicted, self._keep)
        with self._lock:
            self._traffic.answered += requests
            if not self._unwritten_since:
                self._unwritten_since, self._unwritten_at = parts[0].made_at.milliseconds, time.monotonic()
            if len(self._rows) < MAX_QUEUED_ROWS:
                self._rows += rows
                if shadow is not None:
                    for predicted in parts:
                        self._leave(predicted, shadow)
                return
        self._drop(len(rows), self._pages.problem)
        if shadow is not None:
            self._metrics.count_shadow_dropped(len(rows))

    def refuse(self, fields: Mapping[str, int]) -> None:
        """Count a rejected request for predictions."""
        with self._lock:
            self._traffic.refused += 1
            self._traffic.refused_fields.update(fields)

    def write(self) -> None:
        """Write the rows that were added since the last call; if the disk fails, they are written again later."""
        self._backlog.read_clock()
        with self._lock:
            rows, self._rows = self._rows, []
            unscored, self._unscored = self._unscored, []
            since = self._unwritten_since
        began, began_at = clock.now().milliseconds, time.monotonic()
        lines = prediction_rows.complete(rows, self._keep)
        self._metrics.describe_log_queue(len(lines))
        if self._is_full:
            self._drop_all(lines, unscored)
            written, later = len(lines), []
        else:
            written = self._pages.write(PREDICTIONS, lines, since=since)
            self._metrics.count_logged(written)
            self._dropping = self._dropping and not written
            # Their page must come after the page of the predictions that it refers to.
            later = [rows for rows in unscored if written < len(lines) or not self._write_scored(rows, since)]
        with self._lock:
            self._rows[:0] = lines[written:]
            self._unscored[:0] = later
            if written == len(lines):
                self._unwritten_since, self._unwritten_at = (began, began_at) if self._rows else (0, 0.0)

    def write_traffic(self, *, answered: bool = True) -> None:
        """Write how many requests came since the last call, if any; without `answered`, only if one was refused."""
        with self._lock:
            if not (self._traffic.any if answered else self._traffic.refused):
                return
            traffic, self._traffic = self._traffic, RequestCounts()
        now = clock.now()
        try:
            self._spool.write(TRAFFIC, [traffic.line(now)], since=now.milliseconds)
        except OSError:  # the page of predictions reports the problem
            with self._lock:
                self._traffic.add(traffic)

    def look(self) -> None:
        """Measure how far the database is behind, and try again to read a key that could not be read."""
        self._backlog.look()
        found = self._backlog.found
        self._metrics.describe_log(
            spool_bytes=found.size_bytes, rejected_pages=found.rejected_pages, behind_seconds=self._behind_seconds
        )
        if self._keep.problem:
            self._keep.find_key()

    def close(self) -> None:
        """Write the remaining rows; rows that cannot be written now are lost, and reported as lost."""
        self.write()
        if self._rows:
            self._drop(len(self._rows), self._pages.problem)
        for rows in self._unscored:
            self._metrics.count_shadow_dropped(len(rows))
        self.write_traffic()

    def span_on_the_way(self) -> tuple[float, float]:
        """Return the earliest and latest time of rows that may not be in the database yet, in seconds since 1970."""
        first, last = self._backlog.span()
        since = self._unwritten_since / 1000 or first
        return min(first, since), max(last, since)

    @property
    def problem(self) -> str | None:
        """What is wrong, and what happens to the rows."""
        return " ".join(filter(None, self._problems())) or None

    def _problems(self) -> Iterator[str | None]:
        if self._is_full:
            yield "Predictions are returned but not logged: the spool is full."
        elif self._unwritten_seconds > LATE_SECONDS:
            yield f"Predictions are returned but held in memory: {self._pages.problem}. They may be lost."
        elif self._backlog.behind_seconds > LATE_SECONDS:
            yield (
                f"Predictions of the last {self._behind_seconds:.0f} s are not in the log's database yet: "
                f"{self._spool.explanation() or 'the database is catching up'}. They wait on disk, and none is lost."
            )
        elif reason := self._backlog.shipper_problem:
            yield f"Predictions are not in the log's database yet: {reason}. They wait on disk."
        if self._backlog.problem:
            yield f"The folder {self._spool.name} of the prediction log cannot be read: {self._backlog.problem}."
        if rejected := self._backlog.found.rejected_pages:
            yield f"{rejected} damaged pages of the prediction log lie in {self._spool.name}, each with its reason."
        yield self._keep.problem

    @property
    def _is_full(self) -> bool:
        return self._backlog.found.size_bytes >= self._max_bytes

    @property
    def _unwritten_seconds(self) -> float:
        since = self._unwritten_at
        return time.monotonic() - since if since else 0.0

    @property
    def _behind_seconds(self) -> float:
        return max(self._unwritten_seconds, self._backlog.behind_seconds)

    def _leave(self, predicted: PredictionBatch, shadow: Predictor) -> None:
        """Queue rows for a shadow, which scores them when their page is written; the caller must hold the lock."""
        if len(predicted.ids) + sum(map(len, self._unscored)) > MAX_UNSCORED_ROWS:
            self._metrics.count_shadow_dropped(len(predicted.ids))
            return
        if not self._unscored or self._unscored[-1].challenger is not shadow:
            self._unscored.append(UnscoredBatch(shadow))
        self._unscored[-1].add(predicted)

    def _write_scored(self, rows: UnscoredBatch, since: int) -> bool:
        """Score and write rows for a shadow; return False if the disk fails, and they shall be tried again."""
        try:
            lines, differences = rows.score()
        except Exception:  # any error affects the challenger alone
            logger.exception("the challenger %s did not score %d rows", rows.version, len(rows))
            self._metrics.count_shadow_dropped(len(rows))
            return True
        if self._pages.write(CHALLENGER_PREDICTIONS, lines, since=since) < len(lines):
            return False
        self._metrics.count_shadow(rows.version, differences)
        return True

    def _drop_all(self, lines: Sequence[str], unscored: Sequence[UnscoredBatch]) -> None:
        if lines:
            self._drop(len(lines), "the spool is full")
        for rows in unscored:
            self._metrics.count_shadow_dropped(len(rows))

    def _drop(self, rows: int, reason: str) -> None:
        self._metrics.count_dropped(rows)
        with self._lock:
            self._traffic.dropped += rows
        if not self._dropping:
            logger.error("predictions are not logged any more: %s", reason)
        self._dropping = True
