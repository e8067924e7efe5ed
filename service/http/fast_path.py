"""Fast path for single-customer POST /predict: the valid requests of a turn of the event loop are answered together.

A FastAPI route takes several times as long as a prediction, and the steps of ASGI take as long as the prediction, for
what most requests do not need. So the connection asks here first. Every other request goes to the regular route, which
returns all errors. Both use the same guard, load shedding, observer, `Inference` and `response_json`.
"""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from pydantic import ValidationError
from starlette.routing import BaseRoute
from starlette.types import Scope

from service import request_id
from service.customers import Customer
from service.errors import RequestInvalid
from service.http import response_json
from service.http.admission.guard import PREDICT, Guard
from service.http.load_shedding import LoadShedding
from service.http.observer import Observer
from service.serving.inference import Inference

MOST_TOGETHER = 64
"""Most requests that are answered together, which takes the event loop about two milliseconds."""
_JSON = (b"content-type", b"application/json")
_UNUSUAL = frozenset({b"content-encoding", b"content-type", b"expect", b"origin", b"transfer-encoding"})
"""Headers for the regular route: a compressed body, a media type in another spelling, a client that waits for a
go-ahead before it sends the body, a web page of another origin, and a body of unknown length."""
_validate = Customer.__pydantic_validator__.validate_json


class Exchange(Protocol):
    """A request whose answer is awaited; one of the methods is called once."""

    def respond(self, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Send the answer 200."""

    def decline(self) -> None:
        """Leave the answer to the app."""

    def fail(self, error: Exception) -> None:
        """End the connection because of a fault of ours."""


class _Waiting(NamedTuple):
    scope: Scope
    customer: Customer
    exchange: Exchange


class FastPath:
    """Answers valid requests for one customer, and leaves all others."""

    def __init__(
        self, *, guard: Guard, shedding: LoadShedding, observer: Observer, route: BaseRoute, max_body_bytes: int
    ) -> None:
        self._guard, self._shedding, self._observer = guard, shedding, observer
        self._route, self._max_body_bytes = route, max_body_bytes
        self._waiting: list[_Waiting] = []

    def begin(self, scope: Scope) -> bool:
        """Admit a request by its head; return False if it is for the regular route."""
        if scope["path"] != PREDICT or not self._is_plain(scope):
            return False
        scope["state"]["began"] = perf_counter()
        return self._guard.admits_at_once(scope)

    def add(self, scope: Scope, body: bytearray, exchange: Exchange) -> None:
        """Answer an admitted request at the end of this turn, or decline it now."""
        state = scope["state"]
        router = state["inference"].model.router
        if router is None or state["lifecycle"].draining or self._shedding.is_late(scope):
            exchange.decline()
            return
        try:
            customer = _validate(body)
            router.champion.require_known([customer], is_batch=False)
        except (ValidationError, RequestInvalid):
            exchange.decline()
            return
        self._waiting.append(_Waiting(scope, customer, exchange))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._answer)
        elif len(self._waiting) == MOST_TOGETHER:
            self._answer()

    def _answer(self) -> None:
        """Answer all requests that wait."""
        waiting, self._waiting = self._waiting, []
        if not waiting:  # they were answered before the end of the turn, because they were many
            return
        inference: Inference = waiting[0].scope["state"]["inference"]
        try:
            predicted = inference.predict([one.customer for one in waiting], requests=len(waiting), is_retried=True)
            texts = list(response_json.each(predicted))
        except Exception:  # noqa: BLE001  # the regular route meets the same error, logs it and answers it
            for one in waiting:
                one.exchange.decline()
            return
        before = request_id.current.get()
        for one, text in zip(waiting, texts, strict=True):
            try:
                self._respond(one, text.encode())
            except Exception as error:  # noqa: BLE001  # the others get their answers
                one.exchange.fail(error)
        request_id.current.set(before)

    def _respond(self, one: _Waiting, body: bytes) -> None:
        scope = one.scope
        identity = request_id.choose(scope["headers"])
        request_id.current.set(identity)
        scope["route"] = self._route
        named = (request_id.HEADER_BYTES, identity.encode())
        one.exchange.respond((_JSON, (b"content-length", b"%d" % len(body)), named), body)
        self._observer.record(scope, "POST", 200, scope["state"]["began"], None)

    def _is_plain(self, scope: Scope) -> bool:
        """Return whether all but the body suits the fast path."""
        media_types = lengths = 0
        for name, value in scope["headers"]:
            if name == b"content-type" and value == b"application/json":
                media_types += 1
            elif name == b"content-length" and int(value) <= self._max_body_bytes:
                lengths += 1
            elif name == b"content-length" or name in _UNUSUAL:
                return False
        return media_types == lengths == 1 and scope["method"] == "POST" and not scope["query_string"]
