"""Fast path for single-customer POST /predict.

A FastAPI route takes several times as long as a prediction, for steps that most requests do not need. This middleware
runs before the routes and answers valid requests itself. It passes every other request on unchanged, with its body, to
the regular route, which returns all errors. Both use the same `Inference` and the same `response_json`.
"""

from pydantic import ValidationError
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.customers import Customer
from service.http import response_json
from service.serving.inference import Inference

TRACE = "fastapi.telemetry"
"""Scope key of a request that is traced; FastAPI's own routes trace it."""
_JSON = (b"content-type", b"application/json")
_UNUSUAL = frozenset({b"content-type", b"expect"})
"""Headers for the regular route: a media type in another spelling, and a client that waits for a go-ahead before it
sends the body."""
_validate = Customer.__pydantic_validator__.validate_json


class FastPath:
    """Middleware that answers valid requests of one route, and passes all others on."""

    def __init__(self, app: ASGIApp, *, path: str, route: BaseRoute, max_body_bytes: int) -> None:
        self._app, self._path, self._route, self._max_body_bytes = app, path, route, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http" or scope["path"] != self._path or not self._is_plain(scope):
            await self._app(scope, receive, send)
            return
        message = await receive()
        if (body := self._answer(scope, message)) is None:
            await self._app(scope, _repeating(message, receive), send)
            return
        scope["route"] = self._route
        headers = [_JSON, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _is_plain(self, scope: Scope) -> bool:
        """Return whether the request suits the fast path, apart from its body, which may be read then."""
        media_types = 0
        for name, value in scope["headers"]:
            if name == b"content-type" and value == b"application/json":
                media_types += 1
            elif (name == b"content-length" and int(value) > self._max_body_bytes) or name in _UNUSUAL:
                return False
        inference: Inference = scope["state"]["inference"]
        served = inference.model.router is not None
        usual = scope["method"] == "POST" and not scope["query_string"] and TRACE not in scope
        return media_types == 1 and usual and served

    def _answer(self, scope: Scope, message: Message) -> bytes | None:
        body = message.get("body", b"")
        if message.get("more_body") or len(body) > self._max_body_bytes:
            return None
        inference: Inference = scope["state"]["inference"]
        try:
            customer = _validate(body)
        except ValidationError:
            return None
        return response_json.one(inference.predict([customer]))


def _repeating(message: Message, receive: Receive) -> Receive:
    """Return a `receive` that repeats a message before the messages that follow it."""
    messages = [message]

    async def repeat() -> Message:
        return messages.pop() if messages else await receive()

    return repeat
