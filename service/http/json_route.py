"""FastAPI route that validates a JSON body in one pass over its bytes, and sends the JSON bytes of its endpoint.

FastAPI parses JSON into Python values and validates those, which takes two passes and accepts NaN, which is not JSON.
Endpoints are declared as usual in FastAPI, with one body model, query parameters and async dependencies that take the
request, and OpenAPI describes them as usual. Two things differ: they are plain functions, and they return bytes. An
endpoint that has to wait for another service returns a function (`Finish`) instead, which is awaited in the event loop
when the body is no longer held, and the thread is free again.
"""

from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from time import perf_counter
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response

from models.customer.kinds.levels import Levels
from models.customer.kinds.open_category import KNOWN_LEVELS
from service.customers import LEVELS
from service.errors import LISTED_PROBLEMS, BrokenRule, MediaTypeUnsupported, RequestInvalid
from service.http import state
from service.http.request_bodies import BodyLimit, ThreadQueue

T = TypeVar("T")

Finish = Callable[[], Awaitable[bytes]]
JSON = "application/json"
CONVERTED_PROBLEMS = 50_000
"""With more problems, none is listed: pydantic converts all or none, and 50,000 take 0.1 s, in which no other request
is answered."""
_PLAIN = {
    "bool_parsing": "Input should be true or false",
    "bool_type": "Input should be true or false",
    "string_pattern_mismatch": "Input should be an id from the answer to a prediction: 32 digits, 0-9 and a-f",
    "timezone_aware": "Input should be a time with its zone, such as 2026-11-29T10:00Z",
}
"""What some codes of pydantic mean to clients of this API."""


class JsonRoute(APIRoute):
    """Handles requests with a body itself, and leaves all others to FastAPI."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that answers a request."""
        if self.body_field is None:
            return super().get_route_handler()
        name, model = self.body_field.name, self.body_field.field_info.annotation
        largest = _annotation(self.endpoint, name, BodyLimit())
        queued = _annotation(self.endpoint, name, ThreadQueue())
        options = self.dependant.query_params
        queues = {option.name: _annotation(self.endpoint, option.name, queued) for option in options}
        dependencies: list[tuple[Any, Any]] = [(found.name, found.call) for found in self.dependant.dependencies]

        async def handle(request: Request) -> Response:
            arguments = {parameter: await find(request) for parameter, find in dependencies} | _read(options, request)
            _require_json(request)
            queue = next((found for option, found in queues.items() if arguments[option]), queued)

            def work(body: bytearray) -> bytes | Finish:
                arguments[name] = _validate(model, body, _refusing(request))
                answer: bytes | Finish = self.endpoint(**arguments)
                return answer

            answer = await state.of(request)["intake"].take(request, largest, queue, work)
            return Response(answer if isinstance(answer, bytes) else await _wait_for(answer, request), media_type=JSON)

        return handle


def _annotation(endpoint: Callable[..., Any], parameter: str, default: T) -> T:
    metadata = getattr(get_type_hints(endpoint, include_extras=True)[parameter], "__metadata__", ())
    return next((found for found in metadata if isinstance(found, type(default))), default)


def _read(options: list[Any], request: Request) -> dict[str, Any]:
    values, problems = request_params_to_args(options, request.query_params)
    if problems:
        rules = [
            BrokenRule(location=found["loc"][1:], message=_message(found), code=found["type"]) for found in problems
        ]
        raise RequestInvalid(part="query", rules=rules, found=len(rules))
    return values


async def _wait_for(finish: Finish, request: Request) -> bytes:
    began = perf_counter()
    try:
        return await finish()
    finally:
        state.of(request)["waited_seconds"] = perf_counter() - began


def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() != JSON:
        raise MediaTypeUnsupported(found=media_type)
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise MediaTypeUnsupported(found=media_type, coding=coding)


def _refusing(request: Request) -> Mapping[str, Levels]:
    """Return the known levels of each field for which the served model refuses all others."""
    inference = state.of(request).get("inference")  # an app for one route alone has none
    router = inference.model.router if inference else None
    return router.champion.refusing if router else {}


def _validate(model: Any, body: bytearray, refusing: Mapping[str, Levels]) -> Any:
    if body.startswith(BOM_UTF8):  # JSON has none by RFC 8259, which lets a reader ignore it
        del body[: len(BOM_UTF8)]
    try:
        return model.__pydantic_validator__.validate_json(body, context={KNOWN_LEVELS: refusing})
    except ValidationError as error:
        raise RequestInvalid(rules=_listed(error, refusing), found=error.error_count()) from None


def _listed(error: ValidationError, refusing: Mapping[str, Levels]) -> list[BrokenRule]:
    if error.error_count() > CONVERTED_PROBLEMS:
        return []
    problems = error.errors(include_url=False, include_context=False)[:LISTED_PROBLEMS]
    levels: dict[int | str, Levels] = {**LEVELS}
    levels.update(refusing)
    return [
        BrokenRule(location=found["loc"], message=_message(found, levels), code=found["type"]) for found in problems
    ]


def _message(found: ErrorDetails, known: Mapping[int | str, Levels] = MappingProxyType({})) -> str:
    """Say what was expected, without the input: a customer's values go neither into responses nor into logs."""
    levels = known.get(found["loc"][-1]) if found["type"] == "literal_error" else None
    return f"Input should be {levels.near(found['input'])}" if levels else _PLAIN.get(found["type"], found["msg"])
