"""Prometheus metrics of the service.

Label values come from closed sets: unknown paths, methods and fields are counted as `other`.
"""

from service.metrics.log_metrics import LogMetrics
from service.metrics.model_metrics import ModelMetrics
from service.metrics.note_metrics import NoteMetrics
from service.metrics.registry import Registry
from service.metrics.request_metrics import RequestMetrics


class Metrics(RequestMetrics, ModelMetrics, LogMetrics, NoteMetrics):
    """Metrics of one app in its own registry; label lookups are cached, because they cost more than counting."""

    def __init__(self) -> None:
        self._registry = Registry()
        for part in (RequestMetrics, ModelMetrics, LogMetrics, NoteMetrics):
            part.__init__(self, self._registry)

    def count_waiting(self) -> None:
        """Count all events that wait to be counted together."""
        self._registry.count_waiting()

    def expose(self) -> bytes:
        """Return all metrics in Prometheus' text format, over all workers."""
        return self._registry.expose()
