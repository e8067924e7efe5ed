"""OpenTelemetry traces: enabled if OpenTelemetry's standard variables name an endpoint; without it they cost nothing.

FastAPI creates the spans and reads the other variables.
"""

import os

from fastapi.telemetry import TelemetryConfig

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def is_on() -> bool:
    """Return whether requests are traced."""
    return any(os.environ.get(name) for name in _ENDPOINTS)


def config() -> TelemetryConfig:
    """Return the configuration for FastAPI: traces only, because metrics are at /metrics and logs on stdout."""
    return TelemetryConfig(tracing=is_on(), auto_configure=is_on(), metrics=False, logs=False)
