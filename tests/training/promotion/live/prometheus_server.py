"""A Prometheus that answers the queries of a canary's guardrails."""

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from models.answer_counts import BOUNDS_SECONDS, CUSTOMER_GROUPS


@dataclass
class Counted:
    """Requests of a model that a service has counted; some of those answered took 0.2 s, all others 1 ms."""

    answered: int
    failed: int = 0
    slow: int = 0
    bad_groups: int = CUSTOMER_GROUPS
    """Random groups of customers with a request that failed or was slow."""
    age_seconds: float = 12
    """Of the newest sample."""


class Prometheus(ThreadingHTTPServer):
    """Answers the queries; None stands for a model without metrics."""

    champion: Counted | None
    canary: Counted | None
    seconds: int
    """Time that was asked for."""
    selector: str
    """Labels that were asked for."""
    authorization: str | None
    """Sent with the last query."""
    answer: tuple[int, bytes] | None
    """Status and content instead of the metrics."""
    meanwhile: Callable[[], None]
    """Done at each query."""

    def begin(self) -> None:
        self.champion, self.canary, self.seconds, self.selector = Counted(19_000), Counted(1_000), 0, ""
        self.authorization, self.answer, self.meanwhile = None, None, lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def find(self, query: str) -> list[dict[str, Any]]:
        self.meanwhile()
        [(self.selector, champion, canary)] = re.findall(r'{(.*)model_version=~"(.+?)\|(.+?)"}', query)
        models = {version: one for version, one in ((champion, self.champion), (canary, self.canary)) if one}
        if "timestamp(" in query:
            return [_sample(one.age_seconds, model_version=version) for version, one in models.items()]
        self.seconds = int(query.partition("[")[2].partition("s]")[0])
        return [
            _sample(value * 1.000001, model_version=version, customer_group=str(group), **labels)
            for version, one in models.items()
            for labels, values in (_failed(one) if "_failures_" in query else _answered(one))
            for group, value in enumerate(values)
        ]


def _failed(one: Counted) -> list[tuple[dict[str, str], list[int]]]:
    return [({}, _spread(one.failed, one.bad_groups))]


def _answered(one: Counted) -> list[tuple[dict[str, str], list[int]]]:
    fast, slow = _spread(one.answered - one.slow), _spread(one.slow, one.bad_groups)
    both = [some + others for some, others in zip(fast, slow, strict=True)]
    return [({"le": str(bound)}, both if bound > 0.2 else fast) for bound in (*BOUNDS_SECONDS, math.inf)]


def _spread(counted: int, groups: int = CUSTOMER_GROUPS) -> list[int]:
    """Divide requests among the first groups."""
    divided = [counted // groups + (group < counted % groups) for group in range(groups)]
    return divided + [0] * (CUSTOMER_GROUPS - groups)


def _sample(value: float, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [0, str(value)]}


class Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        [query] = parse_qs(urlsplit(self.path).query)["query"]
        self.server.authorization = self.headers["Authorization"]
        found = {"status": "success", "data": {"resultType": "vector", "result": self.server.find(query)}}
        status, content = self.server.answer or (200, json.dumps(found).encode())
        self.send_response(status)
        self.send_header("Location", "/elsewhere?query=")
        self.end_headers()
        with suppress(ConnectionError):  # who reads a part of it only
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Prometheus]:
    with Prometheus(("127.0.0.1", 0), Handler) as server:
        server.begin()
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
