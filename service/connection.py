"""A connection that answers in one packet, and cuts off clients who are too slow: to send, or to take an answer.

Uvicorn waits without end for the rest of a request, so that a few thousand clients who send a byte a minute would hold
all the connections there are. And it sends the head of an answer apart from its body, which wakes the client, and the
network on the way, twice.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 1.0


class Connection(HttpToolsProtocol):
    """Looks once a second what it is waiting for; a request that comes as it should costs nothing more."""

    _awaited: object = None
    _awaited_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to look."""
        super().connection_made(cast(asyncio.Transport, transport))
        self.transport = cast(asyncio.Transport, _InOnePacket(self, self.transport))
        self.loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        awaited = self._find_awaited()
        if awaited != self._awaited:
            self._awaited, self._awaited_since = awaited, self.loop.time()
        if awaited is not None and self.loop.time() - self._awaited_since >= PATIENCE_SECONDS:
            self.transport.abort()
        elif self in self.connections:
            self.loop.call_later(LOOK_SECONDS, self._look)

    def _find_awaited(self) -> object:
        """Name what the client owes, None if nothing: equal as long as it is the same."""
        if self.transport.get_write_buffer_size():
            return self.cycle, "to be taken"
        if self.cycle is None:
            return "the first request"
        if not self.cycle.response_complete:
            return (self.cycle, "to be sent") if self.cycle.more_body else None
        # Uvicorn's own timer ends connections without a next request; it stops when the first byte of one comes.
        return "the next request" if self.timeout_keep_alive_task is None else None


class _InOnePacket:
    """A transport that keeps the head of an answer until the body comes, which Uvicorn writes next."""

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connection, self._transport = connection, transport
        self._headed: object = None
        self._head = b""

    def write(self, data: bytes) -> None:
        cycle = self._connection.cycle
        if cycle is not None and cycle.response_started and cycle is not self._headed:
            self._headed, self._head = cycle, data
            if cycle.scope["method"] != "HEAD":  # whose answer has no body to wait for
                return
            data = b""
        self._transport.write(self._head + data)
        self._head = b""

    def close(self) -> None:
        if self._head:
            self._transport.write(self._head)
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
