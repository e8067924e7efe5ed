"""Transport that sends each response in one packet, and closes so that the client can still read it."""

import asyncio
from typing import Any, Protocol

LINGER_SECONDS, LINGER_BYTES = 2.0, 8_388_608
"""Time and input for which a connection is kept open after its last answer, while its client still sends: to close
before the client has read the answer would destroy the answer."""
JOINED_BYTES = 65_536
"""Larger bodies are sent on their own, because joining them copies them."""


class Sender(Protocol):
    """The connection whose answers are sent."""

    cycle: Any
    """The latest request that was parsed, None before the first."""

    @property
    def has_input_left(self) -> bool:
        """Whether its client may still send."""

    def resume(self) -> None:
        """Go on with input that waits, or read on."""

    def drop_input(self) -> None:
        """Read from now on without parsing."""


class Packets:
    """Keeps the head of a response until Uvicorn writes the body, which it does next."""

    def __init__(self, connection: Sender, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._connection, self._transport, self._loop = connection, transport, loop
        self._headed: object = None
        self._head = b""
        self._lingering = False
        self.written_bytes = 0
        """Everything that was written; what the client has taken is this without the write buffer."""

    def write(self, data: bytes) -> None:
        """Write a part of a response."""
        cycle = self._connection.cycle
        if cycle is not None and cycle.response_started and cycle is not self._headed:
            self._headed, self._head = cycle, data
            if cycle.scope["method"] != "HEAD":  # its response has no body to wait for
                return
            data = b""
        self.written_bytes += len(self._head) + len(data)
        if len(data) > JOINED_BYTES:
            self._transport.write(self._head)
            self._transport.write(data)
        else:
            self._transport.write(self._head + data)
        self._head = b""

    def write_whole(self, response: bytes) -> None:
        """Write a response whose head and body are joined already."""
        self.written_bytes += len(response)
        self._transport.write(response)

    def resume_reading(self) -> None:
        """Let the connection go on first with the input that it has."""
        self._connection.resume()

    def read(self) -> None:
        """Read more input."""
        self._transport.resume_reading()

    def is_closing(self) -> bool:
        """Return whether no answer can be sent any more."""
        return self._lingering or self._transport.is_closing()

    def close(self) -> None:
        """Close, now or after the client had the time to read the answer."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        if self._lingering or self._transport.is_closing() or not self._connection.has_input_left:
            self._transport.close()
            return
        self._lingering = True
        self._connection.drop_input()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LINGER_SECONDS, self._transport.close)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
