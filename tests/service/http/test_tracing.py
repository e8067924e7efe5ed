"""Traces, with a collector of our own and without a tracing library in this process."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from models.features import CONTRACT


class Collector(HTTPServer):
    """Takes what is exported to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:  # the name that the library calls
        size = int(self.headers["Content-Length"])
        self.server.received.append((self.path, self.rfile.read(size)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = Thread(target=collector.serve_forever)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def test_opentelemetrys_own_variable_turns_traces_on(launch: Callable[..., Any], collector: Collector) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    service = launch(
        environment={
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_SERVICE_NAME": "churn",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        }
    )
    assert service.ask("POST", "/predict", json.dumps(CONTRACT.example))[0] == 200
    service.stop()

    assert {path for path, _ in collector.received} == {"/v1/traces"}
    told = [ExportTraceServiceRequest.FromString(body) for _, body in collector.received]
    resources = [resource for request in told for resource in request.resource_spans]
    names = {span.name for resource in resources for scope in resource.scope_spans for span in scope.spans}
    assert "POST /predict" in names
    assert {value.value.string_value for found in resources for value in found.resource.attributes} >= {"churn"}
