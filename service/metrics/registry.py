"""The registry of one app's metrics; the only module that imports prometheus_client.

With several workers, the metrics are kept in files that all workers share; prometheus_client decides this at import.
"""

import os
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from service.metrics.deferred import MOST, Deferred

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: the folder of the files that workers share."""
_TRIES, _PAUSE_SECONDS = 50, 0.002


class Registry:
    """Makes metrics, and returns all of them as text."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # as of 0.26; the text format has no such times
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.counter, self.histogram = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self.least = partial(Gauge, registry=registry, multiprocess_mode="livemin")
        """A gauge of the least value of all workers."""
        self.most = partial(Gauge, registry=registry, multiprocess_mode="livemax")
        """A gauge of the greatest value of all workers."""
        self.total = partial(Gauge, registry=registry, multiprocess_mode="livesum")
        """A gauge of the sum over all workers."""
        self._deferred: list[Deferred[Any]] = []

    def defer(self, count: Callable[[Sequence[Any]], None]) -> Deferred[Any]:
        """Return a keeper of events, which are counted before the metrics are read."""
        most = 1 if SHARED_FOLDER in os.environ else MOST  # another worker cannot make this one count
        self._deferred.append(Deferred(count, most=most))
        return self._deferred[-1]

    def count_waiting(self) -> None:
        """Count all events that wait."""
        for deferred in self._deferred:
            deferred.count()

    def expose(self) -> bytes:
        """Return all metrics in Prometheus' text format, over all workers."""
        self.count_waiting()
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        MultiProcessCollector(shared := CollectorRegistry())  # type: ignore[no-untyped-call]  # as of 0.26
        for _ in range(_TRIES):
            with suppress(struct.error):  # a starting worker has created a file without its size yet
                return generate_latest(shared)
            time.sleep(_PAUSE_SECONDS)
        return generate_latest(shared)


def forget_worker(process_id: int) -> None:
    """Drop the gauges of a worker that has ended; its counters stay."""
    mark_process_dead(process_id)  # type: ignore[no-untyped-call]  # as of 0.26


def observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """Observe values together; one by one would take half the time of scoring them."""
    histogram._sum.inc(sum(values))  # noqa: SLF001  # as of prometheus-client 0.26; a test compares
    counts = np.bincount(np.searchsorted(histogram._upper_bounds, values))  # noqa: SLF001
    for bucket, count in zip(histogram._buckets, counts.tolist(), strict=False):  # noqa: SLF001
        bucket.inc(count)
