"""What wraps every request: its name, its time, its line in the log, and an answer when nothing else gave one.

Pure ASGI, and the outermost of our code, so that it also sees what routing refuses. Knows nothing of any endpoint.
"""

import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problem, request_id
from service.metrics import Metrics

logger = logging.getLogger(__name__)


class Observer:
    """Middleware that measures; errors that have no handler become problem 500 here."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, method = perf_counter(), scope["method"]
        if method == "HEAD":  # is a GET whose body the server does not send
            scope = {**scope, "method": "GET"}
        identity = request_id.choose(scope["headers"])
        request_id.current.set(identity)
        status: int | None = None

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:
            logger.exception("unexpected error")
            if status is not None:
                raise  # half an answer is out; the server closes the connection
            await problem.answer(error)(scope, receive, send_named)
        finally:
            self._record(scope, method, status or 500, perf_counter() - started)

    def _record(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = scope.get("route")
        self._metrics.count_request(method=method, route=getattr(route, "path", None), status=status, seconds=seconds)
        if logger.isEnabledFor(logging.INFO):
            facts = {"method": method, "path": scope["path"], "status": status, "duration_ms": round(seconds * 1000, 3)}
            logger.info("request", extra={"facts": facts | scope["state"].get("refusal", {})})
