"""How bodies come in, and when the work on them is done: within bounds of memory and of time.

A body is refused as soon as it is too large, and when all bodies together are. Small ones are worked on at once; large
ones, and those whose work waits for others, in a thread, so that other requests get their turn in between. They queue
for it, one queue for each kind of work, and none waits for long.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from anyio.to_thread import run_sync
from starlette.requests import Request

from service.errors import BodyTooLarge, Overloaded, Queue

BATCH_FROM_BYTES = 131_072
HELD_BODIES = 16
"""Most bytes of all bodies together, in largest bodies."""
MAX_WAIT_SECONDS = 1.0
"""In a queue; a body that waits longer is refused."""


@dataclass(frozen=True)
class Largest:
    """Annotates the body of an endpoint: a larger one is refused before anything looks into it."""

    size_bytes: float = math.inf
    """Beside the limit of the settings; the lower one holds."""
    values: float = math.inf
    """Commas, that is; a megabyte of tiny values takes longer to refuse than the longest batch to answer."""


@dataclass(frozen=True)
class Queued:
    """Annotates the body of an endpoint: where it waits for a thread, if it is not worked on at once.

    Annotates a query parameter as well: where the body waits instead when that is set.
    """

    queue: Queue = "batches"
    from_bytes: int = BATCH_FROM_BYTES
    """Smaller ones are worked on at once."""


class RequestBodies:
    """The bodies that an app holds at the moment."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._free_bytes = HELD_BODIES * max_body_bytes
        self._queues = {queue: asyncio.Lock() for queue in get_args(Queue)}

    async def take(
        self, request: Request, largest: Largest, queued: Queued, work: Callable[[bytearray], bytes]
    ) -> bytes:
        """Read the body of a request and return what `work` makes of it.

        Raises:
            BodyTooLarge: it is larger than `largest`, or than the settings allow.
            Overloaded: there is no room or no time for it.
        """
        body = bytearray()
        try:
            await self._read(request, body, min(largest.size_bytes, self._max_body_bytes))
            if body.count(b",") > largest.values:
                raise BodyTooLarge(limit=int(largest.values), unit="values")
            if len(body) < queued.from_bytes:
                return work(body)
            return await self._work_in_thread(queued.queue, work, body)
        finally:
            self._free_bytes += len(body)

    async def _read(self, request: Request, body: bytearray, limit_bytes: float) -> None:
        if int(request.headers.get("content-length", 0)) > limit_bytes:
            raise BodyTooLarge(limit=int(limit_bytes), unit="bytes")
        async for chunk in request.stream():
            if len(body) + len(chunk) > limit_bytes:
                raise BodyTooLarge(limit=int(limit_bytes), unit="bytes")
            if len(chunk) > self._free_bytes:
                raise Overloaded(reason="memory")
            body += chunk
            self._free_bytes -= len(chunk)

    async def _work_in_thread(self, queue: Queue, work: Callable[[bytearray], bytes], body: bytearray) -> bytes:
        thread = self._queues[queue]
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await thread.acquire()
        except TimeoutError:
            raise Overloaded(reason=queue) from None
        try:
            return await run_sync(work, body)
        finally:
            thread.release()
