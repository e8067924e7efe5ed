"""A FastAPI route that checks a JSON body in one pass over its bytes, and writes the answer the same way.

FastAPI parses JSON into Python values and validates those, which takes two passes and forgets what was JSON: there,
NaN is a number. Endpoints stay as FastAPI has them, with one body model and async dependencies that take the request,
and OpenAPI describes them as usual. Knows nothing of customers.
"""

import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, get_type_hints

from anyio.to_thread import run_sync
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from service import state
from service.errors import LISTED_PROBLEMS, BodyInvalid, BodyTooLarge, BrokenRule, MediaTypeUnsupported

JSON = "application/json"
THREAD_FROM_BYTES = 65_536
"""Larger bodies are checked in a thread, so that other requests get their turn in between."""
CONVERTED_PROBLEMS = 50_000
"""Pydantic turns all problems into Python values or none; 50,000 take it 0.1 s, in which nobody else is answered."""


@dataclass(frozen=True)
class Largest:
    """Annotates the body of an endpoint: a larger one is refused before anything looks into it."""

    size_bytes: float = math.inf
    """Beside the limit of the settings; the lower one holds."""
    values: float = math.inf
    """Commas, that is; a megabyte of tiny values takes longer to refuse than the longest batch to answer."""


class JsonRoute(APIRoute):
    """Routes with a body get our handler, all others FastAPI's."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Build what answers a request."""
        if self.body_field is None:
            return super().get_route_handler()
        name, model = self.body_field.name, self.body_field.field_info.annotation
        largest = _largest(self.endpoint, name)
        dependencies: list[tuple[Any, Any]] = [(found.name, found.call) for found in self.dependant.dependencies]

        async def handle(request: Request) -> Response:
            arguments = {parameter: await find(request) for parameter, find in dependencies}
            body = await _read(request, largest)
            check = partial(_validate, model, body)
            arguments[name] = await run_sync(check) if len(body) > THREAD_FROM_BYTES else check()
            answer = await self.endpoint(**arguments)
            return Response(answer.__pydantic_serializer__.to_json(answer), media_type=JSON)

        return handle


def _largest(endpoint: Callable[..., Any], parameter: str) -> Largest:
    metadata = getattr(get_type_hints(endpoint, include_extras=True)[parameter], "__metadata__", ())
    return next((found for found in metadata if isinstance(found, Largest)), Largest())


async def _read(request: Request, largest: Largest) -> bytearray:
    limit_bytes = min(largest.size_bytes, state.of(request)["settings"].max_body_bytes)
    media_type = request.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() != JSON:
        raise MediaTypeUnsupported(found=media_type)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BodyTooLarge(limit=int(limit_bytes), unit="bytes")
    if body.count(b",") > largest.values:
        raise BodyTooLarge(limit=int(largest.values), unit="values")
    return body


def _validate(model: Any, body: bytearray) -> Any:
    try:
        return model.__pydantic_validator__.validate_json(body)
    except ValidationError as error:
        raise BodyInvalid(rules=_listed(error), found=error.error_count()) from None


def _listed(error: ValidationError) -> list[BrokenRule]:
    if error.error_count() > CONVERTED_PROBLEMS:
        return []
    # Without the input: what a customer is like goes neither into answers nor into logs.
    problems = error.errors(include_url=False, include_context=False, include_input=False)[:LISTED_PROBLEMS]
    return [BrokenRule(location=found["loc"], message=found["msg"], code=found["type"]) for found in problems]
