"""How bodies come in, and when the work on them is done: within bounds of memory and of time.

A body is refused as soon as it is too large, and when all bodies together are. Small ones are worked on at once; large
ones one after the other in a thread, so that other requests get their turn in between, and none waits for long.
Knows nothing of what is in a body.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from anyio.to_thread import run_sync
from starlette.requests import Request

from service.errors import BodyTooLarge, Overloaded

THREAD_FROM_BYTES = 65_536
HELD_BODIES = 16
"""Most bytes of all bodies together, in largest bodies."""
MAX_WAIT_SECONDS = 1.0
"""For the thread; a body that waits longer is refused."""


@dataclass(frozen=True)
class Largest:
    """Annotates the body of an endpoint: a larger one is refused before anything looks into it."""

    size_bytes: float = math.inf
    """Beside the limit of the settings; the lower one holds."""
    values: float = math.inf
    """Commas, that is; a megabyte of tiny values takes longer to refuse than the longest batch to answer."""


class Intake:
    """The bodies that an app holds at the moment."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._free_bytes = HELD_BODIES * max_body_bytes
        self._thread = asyncio.Lock()

    async def take(self, request: Request, largest: Largest, work: Callable[[bytearray], bytes]) -> bytes:
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
            return work(body) if len(body) <= THREAD_FROM_BYTES else await self._work_in_thread(work, body)
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

    async def _work_in_thread(self, work: Callable[[bytearray], bytes], body: bytearray) -> bytes:
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await self._thread.acquire()
        except TimeoutError:
            raise Overloaded(reason="batches") from None
        try:
            return await run_sync(work, body)
        finally:
            self._thread.release()
