"""Metrics of requests: answers, durations, shed requests and broken rules."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Literal, get_args

from models.features import CONTRACT
from service.errors import OTHER, ShedReason
from service.metrics.registry import Registry, observe_all

CutReason = Literal["no_place", "replaced", "handshake", "slow_request", "slow_reader", "fault"]
"""Why a connection was cut off: there was no place for it, it gave its place to another, TLS did not begin, its client
sent or read too slowly, or its input met a fault of the service."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


class RequestMetrics:
    """Metrics of the requests of one app."""

    def __init__(self, registry: Registry) -> None:
        request = ["method", "route"]
        answered = registry.counter("http_requests", "Answered requests.", [*request, "status"])
        seconds = registry.histogram(
            "http_request_duration_seconds", "Time to answer.", request, buckets=_BUCKETS_SECONDS
        )
        clients = registry.counter(
            "churn_client_requests", "Answered requests by the name of the client's key.", ["client", "status"]
        )
        self._clients = cache(clients.labels)
        shed = registry.counter("http_requests_shed", "Requests refused because of overload.", ["reason"])
        refusals = registry.counter(
            "churn_validation_failures", "Rules broken by rejected requests, at most 100 per request.", ["field"]
        )
        cut = registry.counter("http_connections_cut", "Connections that were cut off.", ["reason"])
        self._cut = cache(cut.labels)
        self._requests = registry.defer(self._count_requests)
        for cause in get_args(CutReason):
            self._cut(cause)
        self._answered, self._seconds = cache(answered.labels), cache(seconds.labels)
        self._shed, self._refusals = cache(shed.labels), cache(refusals.labels)
        for reason in get_args(ShedReason):  # starts at 0, so that the first count is an increase
            self._shed(reason)
        for field in (*CONTRACT.names, OTHER):
            self._refusals(field)

    def expect(self, routes: Iterable[str]) -> None:
        """Start the usual answers of these routes at 0, so that the first count is an increase."""
        for route in routes:
            self._seconds("POST", route)
            for status in (200, 422, 500, 503):
                self._answered("POST", route, status)

    def count_request(
        self, *, method: str, route: str | None, status: int, seconds: float, client: str | None = None
    ) -> None:
        """Count an answer.

        `route` is the template that matched, None when nothing did; `client` is the name of a key, None where no key is
        needed.
        """
        self._requests.add((method if method in _METHODS else OTHER, route or OTHER, status, seconds, client))

    def _count_requests(self, answers: Sequence[tuple[str, str, int, float, str | None]]) -> None:
        durations: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for method, route, _, seconds, _ in answers:
            durations[method, route].append(seconds)
        for (method, route), taken in durations.items():
            observe_all(self._seconds(method, route), taken)
        for (method, route, status), requests in Counter(answer[:3] for answer in answers).items():
            self._answered(method, route, status).inc(requests)
        for (client, status), requests in Counter((answer[4], answer[2]) for answer in answers).items():
            if client is not None:
                self._clients(client, status).inc(requests)

    def count_shed(self, reason: str) -> None:
        """Count a request that was shed."""
        self._shed(reason).inc()

    def count_cut(self, reason: CutReason) -> None:
        """Count a connection that was cut off."""
        self._cut(reason).inc()

    def count_refusals(self, fields: Mapping[str, int]) -> None:
        """Count broken rules by field."""
        for field, rules in fields.items():
            self._refusals(field).inc(rules)
