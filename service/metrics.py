"""Prometheus metrics of the service.

Label values come from closed sets: unknown paths, methods and fields are counted as `other`. With several workers, the
metrics are kept in files that all workers share; prometheus_client decides this at import.
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

from models.bundles.manifest import Manifest
from models.bundles.pins import Challenger, Mode
from models.bundles.risk import RiskTier
from models.customer.contract import Vector
from models.features import CONTRACT
from service.errors import OTHER, ShedReason
from service.model.predictor import PredictionBatch

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: the folder of the files that workers share."""
_TRIES, _PAUSE_SECONDS = 50, 0.002
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TIERS: tuple[RiskTier, ...] = get_args(RiskTier)
_BUCKETS_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
_BUCKETS_PROBABILITY = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_BUCKETS_DIFFERENCE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """Metrics of one app in its own registry; label lookups are cached, because they cost more than counting."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # as of 0.26; the text format has no such times
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._counter, self._histogram = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self._least = partial(Gauge, registry=registry, multiprocess_mode="livemin")  # of all workers
        self._most = partial(Gauge, registry=registry, multiprocess_mode="livemax")
        self._add_requests()
        self._add_predictions()
        self._add_models()
        self._add_shadow()
        self._add_log()
        self._add_outcomes()

    def _add_requests(self) -> None:
        request = ["method", "route"]
        answered = self._counter("http_requests", "Answered requests.", [*request, "status"])
        seconds = self._histogram("http_request_duration_seconds", "Time to answer.", request, buckets=_BUCKETS_SECONDS)
        shed = self._counter("http_requests_shed", "Requests refused because of overload.", ["reason"])
        refusals = self._counter(
            "churn_validation_failures", "Rules broken by rejected requests, at most 100 per request.", ["field"]
        )
        self._answered, self._seconds = cache(answered.labels), cache(seconds.labels)
        self._shed, self._refusals = cache(shed.labels), cache(refusals.labels)
        for reason in get_args(ShedReason):  # starts at 0, so that the first count is an increase
            self._shed(reason)
        for field in (*CONTRACT.names, OTHER):
            self._refusals(field)

    def _add_predictions(self) -> None:
        tiers = self._counter("churn_predictions", "Predictions by tier.", ["risk_tier", "model_version"])
        probabilities = self._histogram(
            "churn_probability", "Predicted probabilities of churn.", ["model_version"], buckets=_BUCKETS_PROBABILITY
        )
        self._tiers, self._probabilities = cache(tiers.labels), cache(probabilities.labels)

    def _add_models(self) -> None:
        self._loaded = self._least("churn_model_loaded", "1 if a model is served, 0 if none is.")
        self._pinned = self._least(
            "churn_model_pinned", "1 if the served model is the pinned one, 0 if the pinned one was refused."
        )
        self._trained = self._least("churn_model_trained_timestamp_seconds", "When the served model was trained.")
        self._model = self._most("churn_model_info", "1 for each served model in its role.", ["model_version", "role"])
        self._versions: dict[str, str] = {}  # by role
        self._refused = self._most("churn_challenger_refused", "1 if the pinned challenger was refused.")
        self._share = self._most("churn_challenger_share", "Share of customers with an id that a canary answers.")
        self._swap_failures = self._counter("churn_model_swap_failures", "Refused pinned models, by each worker.")

    def _add_shadow(self) -> None:
        rows = self._counter("churn_shadow_rows", "Predictions that a shadow scored or dropped.", ["result"])
        self._shadow_rows = {result: rows.labels(result) for result in ("scored", "dropped")}
        differences = self._histogram(
            "churn_shadow_difference",
            "Absolute difference between the probabilities of shadow and champion.",
            ["model_version"],
            buckets=_BUCKETS_DIFFERENCE,
        )
        self._differences = cache(differences.labels)

    def _add_log(self) -> None:
        total = partial(Gauge, registry=self._registry, multiprocess_mode="livesum")
        self._log_queue = total("churn_log_queue_rows", "Predictions in memory that are not on disk yet.")
        self._log_spool = self._most("churn_log_spool_bytes", "Size of rows on disk, not in the database yet.")
        self._log_behind = self._most(
            "churn_log_behind_seconds", "Age of the oldest prediction that is not in the database yet."
        )
        self._log_rejected = self._most("churn_log_rejected_pages", "Pages of rows that the database rejected.")
        self._log_rows = self._counter("churn_log_rows", "Predictions written to disk for the database.")
        self._log_dropped = self._counter("churn_log_dropped_rows", "Predictions that are missing from the log.")

    def _add_outcomes(self) -> None:
        outcomes = self._counter("churn_outcomes", "Recorded outcomes, each counted once.", ["churned"])
        self._outcomes = {churned: outcomes.labels(str(churned).lower()) for churned in (False, True)}

    def count_outcomes(self, churned: Mapping[bool, int]) -> None:
        """Count new outcomes by whether the customer churned."""
        for left, outcomes in churned.items():
            self._outcomes[left].inc(outcomes)

    def describe_log_queue(self, rows: int) -> None:
        """Set the number of predictions in memory."""
        self._log_queue.set(rows)

    def describe_log(self, *, spool_bytes: int, rejected_pages: int, behind_seconds: float) -> None:
        """Set what is not in the database yet."""
        self._log_spool.set(spool_bytes)
        self._log_behind.set(behind_seconds)
        self._log_rejected.set(rejected_pages)

    def count_logged(self, rows: int) -> None:
        """Count predictions that are on disk."""
        self._log_rows.inc(rows)

    def count_dropped(self, rows: int) -> None:
        """Count predictions that are missing from the log."""
        self._log_dropped.inc(rows)

    def describe_model(self, manifest: Manifest) -> None:
        """Set the champion."""
        self._expect_predictions(manifest.version)
        self._cast("champion", manifest.version)
        self._trained.set(manifest.trained_at.timestamp())
        self._loaded.set(1)
        self._pinned.set(1)

    def describe_challenger(self, challenger: Challenger | None, *, refused: bool) -> None:
        """Set the challenger, None for none; `refused` means that the pinned challenger failed verification."""
        roles = {challenger.mode: challenger.version} if challenger else {}
        for mode in get_args(Mode):
            self._cast(mode, roles.get(mode))
        if canary := roles.get("canary"):
            self._expect_predictions(canary)
        if shadow := roles.get("shadow"):
            self._differences(shadow)
        self._share.set(challenger.share if challenger and canary else 0)
        self._refused.set(refused)

    def _expect_predictions(self, version: str) -> None:
        for tier in _TIERS:
            self._tiers(tier, version)  # starts at 0, so that the first count is an increase
        self._probabilities(version)

    def _cast(self, role: str, version: str | None) -> None:
        if before := self._versions.pop(role, None):
            self._model.labels(before, role).set(0)
        if version is not None:
            self._versions[role] = version
            self._model.labels(version, role).set(1)

    def count_swap_failure(self) -> None:
        """Count a pinned model that was refused."""
        self._swap_failures.inc()
        self._pinned.set(0)

    def expect(self, routes: Iterable[str]) -> None:
        """Start the usual answers of these routes at 0, so that the first count is an increase."""
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
        """Count a request that was shed."""
        self._shed(reason).inc()

    def count_predictions(self, predicted: PredictionBatch) -> None:
        """Count predictions by tier and model, and their probabilities."""
        for tier in _TIERS:
            if rows := predicted.tiers.count(tier):
                self._tiers(tier, predicted.model_version).inc(rows)
        histogram = self._probabilities(predicted.model_version)
        if len(predicted.probabilities) == 1:
            histogram.observe(predicted.probabilities[0])
        else:
            _observe_all(histogram, predicted.probabilities)

    def count_shadow(self, version: str, differences: Vector) -> None:
        """Count rows that a shadow scored, by their difference from the champion's probabilities."""
        self._shadow_rows["scored"].inc(len(differences))
        _observe_all(self._differences(version), differences.tolist())

    def count_shadow_dropped(self, rows: int) -> None:
        """Count rows that the shadow will not score."""
        self._shadow_rows["dropped"].inc(rows)

    def count_refusals(self, fields: Mapping[str, int]) -> None:
        """Count broken rules by field."""
        for field, rules in fields.items():
            self._refusals(field).inc(rules)

    def expose(self) -> bytes:
        """Return all metrics in Prometheus' text format, over all workers."""
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


def _observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """Observe values together; one by one would take half the time of scoring them."""
    histogram._sum.inc(sum(values))  # noqa: SLF001  # as of prometheus-client 0.26; a test compares
    counts = np.bincount(np.searchsorted(histogram._upper_bounds, values))  # noqa: SLF001
    for bucket, count in zip(histogram._buckets, counts.tolist(), strict=False):  # noqa: SLF001
        bucket.inc(count)
