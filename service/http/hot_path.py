"""The short way of the request that comes all day: POST /predict with one valid customer.

A route of FastAPI does for every request what only unusual ones need, and takes several times as long as predicting.
So this stands before the routes and answers what is plainly right; everything else it passes on as it came, body and
all, to the very route that it is the short way of. That one knows each error and how to say it: nothing is said here.
Both ways end in the same `Inference` and the same `answers`.
"""

from pydantic import ValidationError
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.customers import Customer
from service.http import response_json
from service.serving.inference import Inference

TRACE = "fastapi.telemetry"
"""In the scope of a request that is traced: FastAPI's own routes know how."""
_JSON = (b"content-type", b"application/json")
_UNUSUAL = frozenset({b"content-type", b"expect"})
"""A media type in other words than the usual ones, and a client who waits to be asked for the body."""
_validate = Customer.__pydantic_validator__.validate_json


class HotPath:
    """Middleware that answers for one route what it can, and leaves the rest to it."""

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
        """Tell whether all is well but for the body, which may be read then."""
        media_types = 0
        for name, value in scope["headers"]:
            if name == b"content-type" and value == b"application/json":
                media_types += 1
            elif (name == b"content-length" and int(value) > self._max_body_bytes) or name in _UNUSUAL:
                return False
        inference: Inference = scope["state"]["inference"]
        served = inference.model.lineup is not None
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
    """Return a `receive` that gives a message once more before those that follow it."""
    messages = [message]

    async def repeat() -> Message:
        return messages.pop() if messages else await receive()

    return repeat
