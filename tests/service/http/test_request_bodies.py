import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from models.features import CONTRACT
from service.errors import BodyTooLarge, Overloaded, Queue
from service.http import request_bodies
from service.http.request_bodies import HELD_BODIES, BodyLimit, RequestBodies, ThreadQueue
from service.http.sharing.fair_lock import FairLock
from service.model.predictor import Predictor

LARGEST_BYTES = 100_000


class Sender:
    """A client that sends a full body, and its end when it is told to."""

    def __init__(self, body: bytes = b" " * LARGEST_BYTES, address: str = "") -> None:
        self.body, self.read, self.end, self.address = body, asyncio.Event(), asyncio.Event(), address

    async def receive(self) -> Message:
        if not self.read.is_set():
            self.read.set()
            return {"type": "http.request", "body": self.body, "more_body": True}
        await self.end.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    def request(self) -> Request:
        return Request({"type": "http", "headers": [], "client": (self.address, 0), "state": {}}, self.receive)


def test_all_bodies_together_are_bounded_and_room_comes_back() -> None:
    async def fill_and_empty() -> None:
        bodies = RequestBodies(LARGEST_BYTES)
        senders = [Sender(address=str(number % 4)) for number in range(HELD_BODIES)]
        held = [
            asyncio.create_task(bodies.take(sender.request(), BodyLimit(), ThreadQueue(), bytes)) for sender in senders
        ]
        for sender in senders:
            await sender.read.wait()
        with pytest.raises(Overloaded) as refused:
            await bodies.take(Sender(address="1").request(), BodyLimit(), ThreadQueue(), bytes)
        assert refused.value.reason == "memory"

        for sender in senders:
            sender.end.set()
        assert await asyncio.gather(*held) == [b" " * LARGEST_BYTES] * HELD_BODIES
        one_more = Sender()
        one_more.end.set()
        assert await bodies.take(one_more.request(), BodyLimit(), ThreadQueue(), bytes) == b" " * LARGEST_BYTES

    asyncio.run(fill_and_empty())


def test_a_refused_body_leaves_no_trace() -> None:
    async def refuse_many() -> None:
        bodies = RequestBodies(LARGEST_BYTES)
        for _ in range(2 * HELD_BODIES):
            with pytest.raises(BodyTooLarge):
                await bodies.take(Sender(b"," * LARGEST_BYTES + b",").request(), BodyLimit(), ThreadQueue(), bytes)
        last = Sender()
        last.end.set()
        assert len(await bodies.take(last.request(), BodyLimit(), ThreadQueue(), bytes)) == LARGEST_BYTES

    asyncio.run(refuse_many())


def test_bodies_of_one_queue_are_worked_on_one_by_one_and_wait_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "MAX_WAIT_SECONDS", 0.3)
    at_work: Counter[Queue] = Counter()

    async def send(bodies: RequestBodies, queue: Queue) -> Any:
        def work(_body: bytearray) -> bytes:
            at_work[queue] += 1
            seen = at_work[queue]
            time.sleep(0.2)
            at_work[queue] -= 1
            return b"alone" if seen == 1 else b"together"

        sender = Sender()
        sender.end.set()
        return await bodies.take(sender.request(), BodyLimit(), ThreadQueue(queue, from_bytes=LARGEST_BYTES), work)

    async def send_many() -> list[Any]:
        bodies = RequestBodies(LARGEST_BYTES)
        sent = [send(bodies, queue) for _ in range(4) for queue in ("batches", "outcomes")]
        return await asyncio.gather(*sent, return_exceptions=True)

    told = asyncio.run(send_many())
    assert told[:4] == [b"alone"] * 4
    assert [type(found) for found in told[4:]] == [Overloaded] * 4
    assert [found.reason for found in told[4:]] == ["batches", "outcomes"] * 2


def test_a_refusal_for_want_of_room_is_answered_and_counted(start: Callable[..., Any], pinned: Predictor) -> None:
    client = start(serving=pinned)
    client.app_state["intake"]._memory._free_bytes = 0
    answer = client.post("/predict/batch", json={"customers": [CONTRACT.example] * 1000})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["detail"].endswith("Retry later, and less often.")
    assert 'http_requests_shed_total{reason="memory"} 1.0' in client.get("/metrics").text


def test_clients_take_turns_however_much_one_of_them_waits_for() -> None:
    served: list[str] = []

    async def work(lock: FairLock, client: str) -> None:
        await lock.acquire(client)
        served.append(client)
        await asyncio.sleep(0)
        lock.release()

    async def wait_together() -> None:
        lock = FairLock()
        many = [asyncio.create_task(work(lock, "many")) for _ in range(6)]
        await asyncio.sleep(0)
        one, left = asyncio.create_task(work(lock, "one")), asyncio.create_task(work(lock, "left"))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(*many, one)
        await asyncio.wait_for(lock.acquire("later"), 1)

    asyncio.run(wait_together())
    assert served.index("one") <= 3
    assert (served.count("many"), served.count("left")) == (6, 0)
