"""Outermost middleware: request id, metrics, request log, and the response to unexpected errors.

It is pure ASGI and wraps all other code of ours, so it also sees requests that routing rejects.
"""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import request_id
from service.http import problem_details
from service.http.lifecycle import Lifecycle
from service.http.request_log import Kind, RequestLog
from service.metrics.metrics import Metrics

CLOSE = (b"connection", b"close")
LOGGED_PATH_CHARACTERS = 200


class Observer:
    """Middleware that measures each request, logs unexpected errors and answers those that have no response yet."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: RequestLog, lifecycle: Lifecycle) -> None:
        self._app, self._metrics, self._log, self._lifecycle = app, metrics, log, lifecycle

    def around(self, app: ASGIApp) -> "Observer":
        """Return an observer of another app that shares the metrics, the log and the lifecycle."""
        return Observer(app, metrics=self._metrics, log=self._log, lifecycle=self._lifecycle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, method = perf_counter(), scope["method"]
        if method == "HEAD":  # a GET whose body the server does not send
            scope = {**scope, "method": "GET"}
        identity = request_id.choose(scope["headers"])
        request_id.current.set(identity)
        status: int | None = None
        complete = False
        unexpected: Exception | None = None

        async def send_named(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.body":
                complete = not message.get("more_body")
            else:
                status = message["status"]
                message["headers"] = [*message["headers"], (request_id.HEADER_BYTES, identity.encode())]
                if self._lifecycle.draining:  # so that no client sends a request while it closes
                    message["headers"].append(CLOSE)
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:
            unexpected = error
            if status is None:
                await problem_details.answer(error)(scope, receive, send_named)
            elif not complete:
                raise  # part of the response is sent; the server closes the connection
        finally:
            self.record(scope, method, status or 500, started, unexpected)

    def record(self, scope: Scope, method: str, status: int, started: float, error: Exception | None) -> None:
        """Count and log an answer; `started` is when its request began, by `perf_counter`."""
        now = perf_counter()
        route, seconds = scope.get("route"), now - started
        path, client = getattr(route, "path", None), scope["state"].get("client")
        own_seconds = seconds - scope["state"].get("waited_seconds", 0)
        self._metrics.count_request(method=method, route=path, status=status, seconds=own_seconds, client=client)
        if self._log.admits("answered" if status < 400 else _kind_of(scope, status), now=now):
            path = scope["path"][:LOGGED_PATH_CHARACTERS]
            facts = {"method": method, "path": path, "status": status, "duration_ms": round(seconds * 1000, 3)}
            self._log.write(facts | scope["state"].get("refusal", {}), error=error)


def _kind_of(scope: Scope, status: int) -> Kind:
    if "shed" in scope["state"]:
        return "answered"
    return "refused" if status < 500 else "failed"
