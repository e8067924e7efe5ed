"""Reads request bodies and schedules the work on them, within limits of memory and time.

A body is refused as soon as it is too large, or as soon as there is no memory for it. Small bodies are processed at
once. Large bodies, and bodies whose work is slow, are processed in a thread, so that other requests are answered in
between. They wait for the thread in a queue, one queue for each kind of work, in which clients take turns, and the wait
is limited.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, get_args

from anyio.to_thread import run_sync
from starlette.requests import Request

from models.log.reporters import ANONYMOUS
from service.access.clients import network_of
from service.errors import BodyTooLarge, Overloaded, Queue
from service.http.sharing.body_memory import BodyMemory, Reading
from service.http.sharing.fair_lock import FairLock

Made = TypeVar("Made")

BATCH_FROM_BYTES = 131_072
HELD_BODIES = 16
"""Limit of all bodies together, in bodies of the largest size."""
MAX_WAIT_SECONDS = 1.0
"""Longest wait in a queue; a body that waits longer is refused."""


@dataclass(frozen=True)
class BodyLimit:
    """Annotates the body of an endpoint: a larger body is refused before it is parsed."""

    size_bytes: float = math.inf
    """Largest size; if the limit of the settings is lower, that one applies."""
    values: float = math.inf
    """Most values, counted as commas; a megabyte of tiny values takes longer to reject than the longest batch to
    answer."""


@dataclass(frozen=True)
class ThreadQueue:
    """Annotates the body of an endpoint: the queue in which it waits for a thread, if it is not processed at once.

    Annotates a query parameter as well: the queue that is used instead when the parameter is set.
    """

    queue: Queue = "batches"
    from_bytes: int = BATCH_FROM_BYTES
    """Smaller bodies are processed at once."""


class RequestBodies:
    """The request bodies that an app holds in memory."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._memory = BodyMemory(HELD_BODIES * max_body_bytes)
        self._queues = {queue: FairLock() for queue in get_args(Queue)}

    async def take(
        self, request: Request, largest: BodyLimit, queued: ThreadQueue, work: Callable[[bytearray], Made]
    ) -> Made:
        """Read the body of a request and return what `work` makes of it.

        Raises:
            BodyTooLarge: it is larger than `largest`, or than the settings allow.
            Overloaded: there is not enough memory or time for it.
        """
        reading = Reading(_sharer(request), asyncio.timeout(None))
        try:
            body = await self._read(request, reading, min(largest.size_bytes, self._max_body_bytes))
            if body.count(b",") > largest.values:
                raise BodyTooLarge(limit=int(largest.values), unit="values")
            if len(body) < queued.from_bytes:
                return work(body)
            return await self._work_in_thread(queued.queue, work, body, reading.client)
        finally:
            self._memory.free(reading)

    async def _read(self, request: Request, reading: Reading, limit_bytes: float) -> bytearray:
        if int(request.headers.get("content-length", 0)) > limit_bytes:
            raise BodyTooLarge(limit=int(limit_bytes), unit="bytes")
        body = bytearray()
        try:
            async with reading.deadline:
                async for chunk in request.stream():
                    if len(body) + len(chunk) > limit_bytes:
                        raise BodyTooLarge(limit=int(limit_bytes), unit="bytes")
                    self._memory.hold(reading, len(chunk))
                    body += chunk
        except TimeoutError:
            raise Overloaded(reason="memory") from None
        reading.is_complete = True
        return body

    async def _work_in_thread(
        self, queue: Queue, work: Callable[[bytearray], Made], body: bytearray, client: str
    ) -> Made:
        thread = self._queues[queue]
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await thread.acquire(client)
        except TimeoutError:
            raise Overloaded(reason=queue) from None
        try:
            return await run_sync(work, body)
        finally:
            thread.release()


def _sharer(request: Request) -> str:
    """Return with whom others share: the name of the key, or else the address."""
    name: str = request.scope.get("state", {}).get("client", ANONYMOUS)
    return f"key {name}" if name != ANONYMOUS else network_of(request.client.host if request.client else "")
