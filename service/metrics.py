"""What the service counts, for Prometheus. The only module that knows its client.

Label values come from closed sets: what a client can invent (paths, methods, fields) is counted as `other`. With
several workers the figures are kept in files that all of them share; the library decides that when it is imported.
"""

import os
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import get_args

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

from models.features import CONTRACT
from models.manifest import Manifest
from models.risk import RiskTier
from service.errors import OTHER, ShedReason
from service.predictor import Predicted
from service.spool import Waiting

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The client's own variable: the folder of the files that workers share."""
_TRIES, _PAUSE_SECONDS = 50, 0.002
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TIERS: tuple[RiskTier, ...] = get_args(RiskTier)
_BUCKETS_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
_BUCKETS_PROBABILITY = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Metrics:
    """The counters of one app, in a registry of their own; cached by label, as to find one costs more than to count."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # as of 0.26; the text format knows no such times
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._add_requests(registry)
        self._add_predictions(registry)
        self._add_model(registry)
        self._add_log(registry)
        self._add_outcomes(registry)

    def _add_requests(self, registry: CollectorRegistry) -> None:
        request = ["method", "route"]
        answered = Counter("http_requests", "Answered requests.", [*request, "status"], registry=registry)
        seconds = Histogram(
            "http_request_duration_seconds", "Time to answer.", request, registry=registry, buckets=_BUCKETS_SECONDS
        )
        shed = Counter("http_requests_shed", "Requests refused for want of time.", ["reason"], registry=registry)
        refusals = Counter(
            "churn_validation_failures",
            "Rules broken by refused requests, at most 100 of each.",
            ["field"],
            registry=registry,
        )
        self._answered, self._seconds = cache(answered.labels), cache(seconds.labels)
        self._shed, self._refusals = cache(shed.labels), cache(refusals.labels)
        for reason in get_args(ShedReason):  # counts from 0, so that the first one is an increase
            self._shed(reason)
        for field in (*CONTRACT.names, OTHER):
            self._refusals(field)

    def _add_predictions(self, registry: CollectorRegistry) -> None:
        tiers = Counter("churn_predictions", "Predictions by tier.", ["risk_tier", "model_version"], registry=registry)
        probabilities = Histogram(
            "churn_probability",
            "Predicted probabilities of churn.",
            ["model_version"],
            registry=registry,
            buckets=_BUCKETS_PROBABILITY,
        )
        self._tiers, self._probabilities = cache(tiers.labels), cache(probabilities.labels)

    def _add_model(self, registry: CollectorRegistry) -> None:
        least = partial(Gauge, registry=registry, multiprocess_mode="livemin")
        self._loaded = least("churn_model_loaded", "1 when a model serves, 0 when none does.")
        self._pinned = least(
            "churn_model_pinned", "1 when the model that serves is the pinned one, 0 when that one was refused."
        )
        self._trained = least("churn_model_trained_timestamp_seconds", "When the model that serves was trained.")
        self._model = Gauge(
            "churn_model_info",
            "1 for the model that serves.",
            ["model_version"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._swap_failures = Counter(
            "churn_model_swap_failures", "Pinned models that were refused, by each worker.", registry=registry
        )

    def _add_log(self, registry: CollectorRegistry) -> None:
        most = partial(Gauge, registry=registry, multiprocess_mode="livemax")
        self._log_queue = Gauge(
            "churn_log_queue_rows",
            "Predictions in memory, not on disk yet.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._log_spool = most("churn_log_spool_bytes", "Predictions on disk that the database does not have yet.")
        self._log_behind = most(
            "churn_log_behind_seconds", "Age of the oldest prediction that the database does not have yet."
        )
        self._log_rejected = most("churn_log_rejected_pages", "Pages of predictions that the database refused.")
        self._log_rows = Counter("churn_log_rows", "Predictions written to disk, for the database.", registry=registry)
        self._log_dropped = Counter(
            "churn_log_dropped_rows", "Predictions that are missing from the log.", registry=registry
        )

    def _add_outcomes(self, registry: CollectorRegistry) -> None:
        outcomes = Counter("churn_outcomes", "Outcomes recorded, each once.", ["churned"], registry=registry)
        self._outcomes = {churned: outcomes.labels(str(churned).lower()) for churned in (False, True)}

    def count_outcomes(self, churned: Mapping[bool, int]) -> None:
        """Count new outcomes by whether the customer left."""
        for left, outcomes in churned.items():
            self._outcomes[left].inc(outcomes)

    def describe_log_queue(self, rows: int) -> None:
        """Say how many predictions are in memory."""
        self._log_queue.set(rows)

    def describe_log(self, waiting: Waiting, *, behind_seconds: float) -> None:
        """Say what the database does not have yet."""
        self._log_spool.set(waiting.size_bytes)
        self._log_behind.set(behind_seconds)
        self._log_rejected.set(waiting.rejected_pages)

    def count_logged(self, rows: int) -> None:
        """Count predictions that are safe on disk."""
        self._log_rows.inc(rows)

    def count_dropped(self, rows: int) -> None:
        """Count predictions that are lost to the log."""
        self._log_dropped.inc(rows)

    def describe_model(self, manifest: Manifest, *, version_before: str | None = None) -> None:
        """Say which model serves, and which did before."""
        if version_before is not None:
            self._model.labels(version_before).set(0)
        for tier in _TIERS:
            self._tiers(tier, manifest.version)  # counts from 0, so that the first one is an increase
        self._probabilities(manifest.version)
        self._model.labels(manifest.version).set(1)
        self._trained.set(manifest.trained_at.timestamp())
        self._loaded.set(1)
        self._pinned.set(1)

    def count_swap_failure(self) -> None:
        """Count a pinned model that was refused."""
        self._swap_failures.inc()
        self._pinned.set(0)

    def expect(self, routes: Iterable[str]) -> None:
        """Count the usual answers of these routes from 0, so that the first one is an increase."""
        for route in routes:
            self._seconds("POST", route)
            for status in (200, 422, 500, 503):
                self._answered("POST", route, status)

    def count_request(self, *, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer; `route` is the template that matched, None when nothing did."""
        method = method if method in _METHODS else OTHER
        route = route or OTHER
        self._answered(method, route, status).inc()
        self._seconds(method, route).observe(seconds)

    def count_shed(self, reason: str) -> None:
        """Count a request that was refused for want of time."""
        self._shed(reason).inc()

    def count_predictions(self, predicted: Predicted) -> None:
        """Count predictions by tier and model, and their probabilities."""
        for tier in _TIERS:
            if rows := predicted.tiers.count(tier):
                self._tiers(tier, predicted.model_version).inc(rows)
        histogram = self._probabilities(predicted.model_version)
        if len(predicted.probabilities) == 1:
            histogram.observe(predicted.probabilities[0])
        else:
            _observe_all(histogram, predicted.probabilities)

    def count_refusals(self, fields: Mapping[str, int]) -> None:
        """Count broken rules by field."""
        for field, rules in fields.items():
            self._refusals(field).inc(rules)

    def expose(self) -> bytes:
        """Write everything in Prometheus' text format, over all workers."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        MultiProcessCollector(shared := CollectorRegistry())  # type: ignore[no-untyped-call]  # as of 0.26
        for _ in range(_TRIES):
            with suppress(struct.error):  # a worker that starts has made a file and not yet given it its size
                return generate_latest(shared)
            time.sleep(_PAUSE_SECONDS)
        return generate_latest(shared)


def forget_worker(process_id: int) -> None:
    """Drop what a worker that ended said of itself; what it counted stays."""
    mark_process_dead(process_id)  # type: ignore[no-untyped-call]  # as of 0.26


def _observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """Observe values as if one by one, which would take half the time of scoring them."""
    histogram._sum.inc(sum(values))  # noqa: SLF001  # as of prometheus-client 0.26; a test compares
    counts = np.bincount(np.searchsorted(histogram._upper_bounds, values))  # noqa: SLF001
    for bucket, count in zip(histogram._buckets, counts.tolist(), strict=False):  # noqa: SLF001
        bucket.inc(count)
