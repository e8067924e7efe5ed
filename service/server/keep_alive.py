"""Closes idle connections with one timer for each, where Uvicorn's protocol sets a new timer after each answer."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class KeepAlive(HttpToolsProtocol):
    """Notes when an answer ended; the timer looks whether that is long ago."""

    idle_since: float | None = None
    """When the last answer ended, by the loop's clock; None before, and while a request is sent or answered."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End the timer."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self.idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it is idle long enough, or else look again later."""
        self.timeout_keep_alive_task = None
        if self.idle_since is None:  # the end of the answer waits again
            return
        left_seconds = self.idle_since + self.timeout_keep_alive - self.loop.time()
        if left_seconds > 0:
            self._wait(left_seconds)
        else:
            super().timeout_keep_alive_handler()

    def _unset_keepalive_if_required(self) -> None:
        self.idle_since = None

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
