"""Load shedding: refuses late predictions with 503; all other requests pass.

The event loop works in turns: requests that arrive during one turn are answered in the next. So a turn is as long as
the queue. When a turn exceeds its limit, the rest of it is refused, and no request waits much longer than two turns. A
refusal is delayed, because clients that retry at once would keep the core busy with refusals.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from time import perf_counter

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Overloaded
from service.http import problem_details
from service.metrics.metrics import Metrics

HELD_SECONDS = 1.0
"""Delay of a refusal: as long as its Retry-After, for clients that ignore it."""
MAX_HELD, MAX_HELD_BYTES = 2_000, 16_384
"""Most refusals that are delayed at a time, and the largest body of each, which stays in memory; all others are sent at
once."""


class LoadShedding:
    """Middleware that refuses requests that begin too late in a turn."""

    def __init__(
        self, app: ASGIApp, *, routes: Mapping[str, BaseRoute], max_turn_seconds: float, metrics: Metrics
    ) -> None:
        """Shed only requests for these `routes`, given by path."""
        self._app, self._routes, self._max_turn_seconds, self._metrics = app, routes, max_turn_seconds, metrics
        self._turn_began: float | None = None
        self._held = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request, or refuse it."""
        if scope["type"] == "http" and scope["path"] in self._routes and self.is_late(scope):
            return self._refuse(scope, receive, send)
        return self._app(scope, receive, send)

    def is_late(self, scope: Scope) -> bool:
        """Return whether a request begins too late in this turn, or did so in the turn in which it was first asked."""
        now = perf_counter()
        if self._turn_began is None:
            self._turn_began = now
            asyncio.get_running_loop().call_soon(self._end_turn)  # runs first in the next turn
        if now - self._turn_began > self._max_turn_seconds:
            scope["state"]["shed"] = True
        return "shed" in scope["state"]

    def _end_turn(self) -> None:
        self._turn_began = None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.count_shed("queue")
        scope["route"] = self._routes[scope["path"]]
        if self._held < MAX_HELD and _is_small(scope):
            self._held += 1
            try:
                await asyncio.sleep(HELD_SECONDS)
            finally:
                self._held -= 1
        await problem_details.answer(Overloaded(reason="queue"))(scope, receive, send)


def _is_small(scope: Scope) -> bool:
    sizes = [int(value) for name, value in scope["headers"] if name == b"content-length"]
    return bool(sizes) and max(sizes) <= MAX_HELD_BYTES
