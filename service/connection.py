"""Uvicorn protocol that sends each response in one packet and disconnects slow clients.

Uvicorn waits without a time limit for the rest of a request, so a few thousand clients that send a byte a minute would
hold all connections. It also sends the head and the body of a response in two packets, and wakes the client twice.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 1.0


class Connection(HttpToolsProtocol):
    """Checks once a second what it is waiting for; a normal request has no further cost."""

    _awaited: object = None
    _awaited_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the check."""
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
        """Return what the client has to do next, None if nothing; the value is equal as long as it is the same task."""
        if self.transport.get_write_buffer_size():
            return self.cycle, "to be taken"
        if self.cycle is None:
            return "the first request"
        if not self.cycle.response_complete:
            return (self.cycle, "to be sent") if self.cycle.more_body else None
        # Uvicorn's own timer closes idle connections; it stops at the first byte of the next request.
        return "the next request" if self.timeout_keep_alive_task is None else None


class _InOnePacket:
    """Transport that keeps the head of a response until Uvicorn writes the body, which it does next."""

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connection, self._transport = connection, transport
        self._headed: object = None
        self._head = b""

    def write(self, data: bytes) -> None:
        cycle = self._connection.cycle
        if cycle is not None and cycle.response_started and cycle is not self._headed:
            self._headed, self._head = cycle, data
            if cycle.scope["method"] != "HEAD":  # its response has no body to wait for
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
