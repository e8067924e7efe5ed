"""Error responses: problem documents by RFC 9457, `application/problem+json`."""

from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.features import CONTRACT
from service import request_id
from service.errors import (
    LISTED_PROBLEMS,
    KeyRefused,
    MediaTypeUnsupported,
    RequestInvalid,
    TooManyRequests,
    Unavailable,
    status_of,
)

MEDIA_TYPE = "application/problem+json"
_TITLES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""The names in RFC 9110; Python's phrases match them only from 3.13 on, and responses must not depend on that."""


class FieldProblem(BaseModel, use_attribute_docstrings=True):
    """A problem with one field of the body, or of the query."""

    path: str = Field(examples=[f"customers.17.{CONTRACT.names[0]}"])
    """Dotted path of the field; `body` is the body itself."""
    message: str = Field(examples=["Field required"])
    """What was expected."""
    code: str = Field(examples=["missing"])
    """The broken rule's code, for programs."""


class Problem(BaseModel, use_attribute_docstrings=True):
    """Why a request failed, and the remedy."""

    type: Literal["about:blank"] = "about:blank"
    """Always this value: `status` has the kind of problem."""
    title: str = Field(examples=["Unprocessable Content"])
    """The name of the status."""
    status: int = Field(examples=[422])
    """The HTTP status."""
    detail: str
    """What is wrong, and the remedy."""
    request_id: str | None
    """The request id in the service's log; also in the header X-Request-ID."""
    errors: list[FieldProblem] = Field(default=[], max_length=LISTED_PROBLEMS)
    """All invalid fields, at most the first 100; empty if there are more than 50,000."""


def of(error: Exception) -> Problem:
    """Describe an error for the client; the details of unexpected errors are only in the log."""
    status = status_of(error)
    rules = error.rules if isinstance(error, RequestInvalid) else []
    return Problem(
        title=_TITLES.get(status) or HTTPStatus(status).phrase,
        status=status,
        detail=_detail(error, status),
        request_id=request_id.current.get(),
        errors=[FieldProblem(path=rule.path, message=rule.message, code=rule.code) for rule in rules],
    )


def answer(error: Exception) -> Response:
    """Return the response to an error."""
    problem = of(error)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"  # the observer answers HEAD, which the router does not list
    if isinstance(error, MediaTypeUnsupported) and error.coding:
        headers["Accept-Encoding"] = "identity"
    if isinstance(error, KeyRefused):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable | TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)


async def answer_fault(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI app that answers a request with the `fault` for which the server refused it."""
    await answer(scope["state"]["fault"])(scope, receive, send)


def _detail(error: Exception, status: int) -> str:
    match error:
        case HTTPException(status_code=404):
            return "This path does not exist. /docs lists all paths."
        case HTTPException(status_code=405):
            return "This path does not support this method. The header Allow lists the supported methods."
        case HTTPException():
            return error.detail
        case _ if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return "The service failed. Give the request_id to its operators; their log has the cause."
        case _:
            return str(error)
