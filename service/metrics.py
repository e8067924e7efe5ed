"""What the service counts, for Prometheus. The only module that knows its client.

Label values come from closed sets: what a client can invent (paths, methods, fields) is counted as `other`.
"""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import get_args

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

from models.features import CONTRACT
from models.manifest import Manifest
from models.risk import RiskTier
from service.schemas import Prediction

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


class Metrics:
    """The counters of one app, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # as of 0.26; the text format knows no such times
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        request = ["method", "route"]
        self._requests = Counter("http_requests", "Answered requests.", [*request, "status"], registry=registry)
        self._seconds = Histogram(
            "http_request_duration_seconds", "Time to answer.", request, registry=registry, buckets=_BUCKETS_SECONDS
        )
        self._predictions = Counter(
            "churn_predictions", "Predictions by tier.", ["risk_tier", "model_version"], registry=registry
        )
        self._refusals = Counter(
            "churn_validation_failures",
            "Rules broken by refused bodies, at most 100 of each.",
            ["field"],
            registry=registry,
        )
        self._loaded = Gauge("churn_model_loaded", "1 when a model serves, 0 when none does.", registry=registry)
        version = ["model_version"]
        self._model = Gauge("churn_model_info", "The model that serves; always 1.", version, registry=registry)
        self._trained = Gauge(
            "churn_model_trained_timestamp_seconds", "When it was trained.", version, registry=registry
        )

    def describe_model(self, manifest: Manifest) -> None:
        """Say which model serves."""
        self._loaded.set(1)
        for tier in get_args(RiskTier):
            self._predictions.labels(tier, manifest.version)  # counts from 0, so that the first one is an increase
        self._model.labels(manifest.version).set(1)
        self._trained.labels(manifest.version).set(manifest.trained_at.timestamp())

    def count_request(self, *, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer; `route` is the template that matched, None when nothing did."""
        method = method if method in _METHODS else OTHER
        route = route or OTHER
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(seconds)

    def count_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Count predictions by tier and model."""
        for labels, rows in Tally((made.risk_tier, made.model_version) for made in predictions).items():
            self._predictions.labels(*labels).inc(rows)

    def count_refusals(self, locations: Iterable[tuple[int | str, ...]]) -> None:
        """Count broken rules by the field that each location ends with."""
        fields = (location[-1] if location else OTHER for location in locations)
        for field, rules in Tally(field if field in CONTRACT.names else OTHER for field in fields).items():
            self._refusals.labels(field).inc(rules)

    def expose(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self._registry)
