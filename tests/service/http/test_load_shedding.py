import asyncio
import re
import time
from http import HTTPStatus
from typing import get_args

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.errors import Queue
from service.http import load_shedding
from service.http.load_shedding import LoadShedding
from service.http.routes import PREDICT_ROUTE
from service.metrics.metrics import Metrics

TURN_SECONDS, WORK_SECONDS = 0.05, 0.02


async def work(_scope: Scope, _receive: Receive, send: Send) -> None:
    time.sleep(WORK_SECONDS)  # noqa: ASYNC251  # holds up the loop, as scoring does
    await send({"type": "http.response.start", "status": 200})


async def ask(app: LoadShedding, path: str, body_bytes: int) -> int:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read of a request that is refused")

    headers = [(b"content-length", b"%d" % body_bytes)]
    scope: Scope = {"type": "http", "path": path, "headers": headers, "state": {}}
    await app(scope, receive, send)
    assert (scope.get("route") is PREDICT_ROUTE) is (sent[0]["status"] == 503)
    if sent[0]["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        assert (b"retry-after", b"1") in sent[0]["headers"]
        assert b"Retry later" in sent[1]["body"]
    return int(sent[0]["status"])


async def ask_together(app: LoadShedding, path: str, requests: int, body_bytes: int = 100) -> list[int]:
    return await asyncio.gather(*[ask(app, path, body_bytes) for _ in range(requests)])


def watching(metrics: Metrics) -> LoadShedding:
    return LoadShedding(work, routes={"/predict": PREDICT_ROUTE}, max_turn_seconds=TURN_SECONDS, metrics=metrics)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> LoadShedding:
    monkeypatch.setattr(load_shedding, "HELD_SECONDS", 0.1)
    return watching(Metrics())


def test_what_comes_late_in_a_turn_is_refused_and_the_next_turn_is_a_new_one(app: LoadShedding) -> None:
    async def two_turns() -> list[list[int]]:
        return [await ask_together(app, "/predict", 10) for _ in range(2)]

    for statuses in asyncio.run(two_turns()):
        assert statuses == sorted(statuses)
        assert 2 <= statuses.count(200) <= 4


def test_other_paths_are_never_refused(app: LoadShedding) -> None:
    assert set(asyncio.run(ask_together(app, "/health/live", 10))) == {200}


def test_small_refusals_are_held_back_but_only_so_many(app: LoadShedding, monkeypatch: pytest.MonkeyPatch) -> None:
    async def seconds_of_refusing(body_bytes: int = 100) -> float:
        began = time.perf_counter()
        await ask_together(app, "/predict", 10, body_bytes)
        return time.perf_counter() - began

    held = asyncio.run(seconds_of_refusing())
    large = asyncio.run(seconds_of_refusing(load_shedding.MAX_HELD_BYTES + 1))
    monkeypatch.setattr(load_shedding, "MAX_HELD", 0)
    too_many = asyncio.run(seconds_of_refusing())

    assert held > max(large, too_many) + 0.05


def test_each_reason_starts_at_0() -> None:
    found = re.findall(r'http_requests_shed_total\{reason="(.+?)"\} 0\.0', Metrics().expose().decode())
    assert set(found) == {"queue", "memory", *get_args(Queue)}


def test_refusals_are_counted() -> None:
    metrics = Metrics()
    refused = asyncio.run(ask_together(watching(metrics), "/predict", 10)).count(503)

    assert f'http_requests_shed_total{{reason="queue"}} {float(refused)}' in metrics.expose().decode()
