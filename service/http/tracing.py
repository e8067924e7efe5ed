"""Traces for OpenTelemetry: on when its own standard variables name where to send them, else costing nothing.

FastAPI makes the spans and reads the rest of those variables.
"""

import os

from fastapi.telemetry import TelemetryConfig

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def config() -> TelemetryConfig:
    """Return what FastAPI is to report: never metrics and logs, which are at /metrics and on stdout."""
    wanted = any(os.environ.get(name) for name in _ENDPOINTS)
    return TelemetryConfig(tracing=wanted, auto_configure=wanted, metrics=False, logs=False)
