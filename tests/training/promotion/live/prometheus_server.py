"""A Prometheus that answers the queries of a canary's guardrails."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Counted:
    """Requests of a model that a service has counted; some of those answered took 0.2 s, all others 1 ms."""

    answered: int
    failed: int = 0
    slow: int = 0


class Prometheus(ThreadingHTTPServer):
    """Answers the two queries; None stands for a model without metrics."""

    champion: Counted | None
    canary: Counted | None
    since: str

    def begin(self) -> None:
        self.champion, self.canary, self.since = Counted(19_000), Counted(1_000), ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def find(self, query: str) -> list[dict[str, Any]]:
        [(champion, canary, self.since)] = re.findall(r'=~"(.+?)\|(.+?)"}\[(\d+[mhd])\]', query)
        models = {version: one for version, one in ((champion, self.champion), (canary, self.canary)) if one}
        if "_failures_" in query:
            return [_sample(one.failed, model_version=version) for version, one in models.items()]
        return [
            _sample(one.answered - (one.slow if bound in ("0.001", "0.1") else 0), model_version=version, le=bound)
            for version, one in models.items()
            for bound in ("0.001", "0.1", "0.25", "+Inf")
        ]


def _sample(value: int, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [0, str(value + 0.2)]}  # Prometheus extrapolates to the ends of the period


class Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        [query] = parse_qs(urlsplit(self.path).query)["query"]
        found = {"status": "success", "data": {"resultType": "vector", "result": self.server.find(query)}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Prometheus]:
    with Prometheus(("127.0.0.1", 0), Handler) as server:
        server.begin()
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
