"""A Prometheus that answers the queries of a canary's guardrails."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Prometheus(ThreadingHTTPServer):
    """Answers the two queries; None stands for no value."""

    error_share: str | None = "0.001"
    p99_seconds: str | None = "0.004"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        value = self.server.p99_seconds if "histogram_quantile" in self.path else self.server.error_share
        result = [] if value is None else [{"metric": {}, "value": [0, value]}]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Prometheus]:
    with Prometheus(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
