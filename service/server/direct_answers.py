"""Answers of the fast path, sent by the connection itself: without a task, and without the messages of ASGI."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.server.parsing import BoundedParsing

Headers = Sequence[tuple[bytes, bytes]]


class FastPath(Protocol):
    """Answers some requests, and leaves all others to the app."""

    def begin(self, scope: Any) -> bool:
        """Return whether it takes a request with this head."""

    def add(self, scope: Any, body: bytearray, exchange: "DirectAnswers") -> None:
        """Make one of the exchange's methods be called, `respond` or `decline`, now or at the end of this turn."""


class DirectAnswers(BoundedParsing):
    """Asks the fast path first, if there is one."""

    _begun: RequestResponseCycle | None = None
    """The request that the fast path has taken and not answered yet."""
    _head: ClassVar[tuple[Headers, bytes]] = ((), STATUS_LINE[200])
    """The server's own headers, which change once a second, and the beginning of a response with them."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Leave the request to the fast path, or start its task."""
        fast_path: FastPath | None = self.app_state.get("fast_path")
        is_new = cycle is self.cycle and app is self.app and cycle.more_body
        if fast_path is not None and is_new and fast_path.begin(cycle.scope):
            self._begun = cycle
        else:
            super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        """End the request; its body is what the fast path waits for."""
        super().on_message_complete()
        if (cycle := self._begun) is None or cycle is not self.cycle:
            return
        if self.flow.write_paused:
            self.decline()
        else:
            self.app_state["fast_path"].add(cycle.scope, cycle.body, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave a request without a whole body to the app, which counts and logs it."""
        super().connection_lost(exc)
        if self._begun is not None and self._begun.more_body:
            self.decline()

    def decline(self) -> None:
        """Leave the request to the app."""
        cycle, self._begun = self._begun, None
        if cycle is not None:
            super()._start_asgi_task(cycle, self.app)

    def respond(self, headers: Headers, body: bytes) -> None:
        """Send the answer 200, if the client is still there."""
        cycle, self._begun = self._begun, None
        if cycle is None or self.transport.is_closing():
            return
        parts = [self._find_head(cycle.default_headers)]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", body)
        cycle.response_started = cycle.response_complete = True
        self.transport.write_whole(b"".join(parts))  # type: ignore[attr-defined]  # it is a `Packets`
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _find_head(self, own: Headers) -> bytes:
        if own is not self._head[0]:
            DirectAnswers._head = own, b"".join([STATUS_LINE[200], *(b"%s: %s\r\n" % field for field in own)])
        return self._head[1]
