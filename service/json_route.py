"""A FastAPI route that checks a JSON body in one pass over its bytes, and writes the answer the same way.

FastAPI parses JSON into Python values and validates those, which takes two passes and forgets what was JSON: there,
NaN is a number. Endpoints stay as FastAPI has them, with one body model and async dependencies that take the request,
and OpenAPI describes them as usual. Knows nothing of customers.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from service import state
from service.errors import BodyTooLarge, MediaTypeUnsupported

JSON = "application/json"


class JsonRoute(APIRoute):
    """Routes with a body get our handler, all others FastAPI's."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Build what answers a request."""
        if self.body_field is None:
            return super().get_route_handler()
        name, model = self.body_field.name, self.body_field.field_info.annotation
        dependencies: list[tuple[Any, Any]] = [(found.name, found.call) for found in self.dependant.dependencies]

        async def handle(request: Request) -> Response:
            arguments = {parameter: await find(request) for parameter, find in dependencies}
            body = await _read(request, limit_bytes=state.of(request)["settings"].max_body_bytes)
            arguments[name] = _validate(model, body)
            answer = await self.endpoint(**arguments)
            return Response(answer.__pydantic_serializer__.to_json(answer), media_type=JSON)

        return handle


async def _read(request: Request, *, limit_bytes: int) -> bytearray:
    media_type = request.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() != JSON:
        raise MediaTypeUnsupported(found=media_type)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BodyTooLarge(limit_bytes=limit_bytes)
    return body


def _validate(model: Any, body: bytearray) -> Any:
    try:
        return model.__pydantic_validator__.validate_json(body)
    except ValidationError as error:
        # Without the input: what a customer is like goes neither into answers nor into logs.
        raise RequestValidationError(
            error.errors(include_url=False, include_context=False, include_input=False)
        ) from None
