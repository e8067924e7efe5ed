"""Outermost middleware: request id, metrics, request log, and the response to unexpected errors.

It is pure ASGI and wraps all other code of ours, so it also sees requests that routing rejects.
"""

import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import request_id
from service.http import problem_details
from service.http.lifecycle import Lifecycle
from service.http.request_log import RequestLog
from service.metrics import Metrics

logger = logging.getLogger(__name__)
CLOSE = (b"connection", b"close")


class Observer:
    """Middleware that measures each request, logs unexpected errors and answers those that have no response yet."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: RequestLog, lifecycle: Lifecycle) -> None:
        self._app, self._metrics, self._log, self._lifecycle = app, metrics, log, lifecycle

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
            logger.exception("unexpected error")
            if status is None:
                await problem_details.answer(error)(scope, receive, send_named)
            elif not complete:
                raise  # part of the response is sent; the server closes the connection
        finally:
            self._record(scope, method, status or 500, started)

    def _record(self, scope: Scope, method: str, status: int, started: float) -> None:
        now = perf_counter()
        route, seconds = scope.get("route"), now - started
        self._metrics.count_request(method=method, route=getattr(route, "path", None), status=status, seconds=seconds)
        if self._log.admits(failed=status >= 400 and "shed" not in scope["state"], now=now):
            facts = {"method": method, "path": scope["path"], "status": status, "duration_ms": round(seconds * 1000, 3)}
            self._log.write(facts | scope["state"].get("refusal", {}))
