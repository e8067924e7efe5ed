"""The one shape of every answer that is not a success: RFC 9457, `application/problem+json`."""

from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from models.features import CONTRACT
from service import request_id
from service.errors import LISTED_PROBLEMS, RequestInvalid, Unavailable, status_of

MEDIA_TYPE = "application/problem+json"
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 has them; Python's own phrases follow from 3.13 on, and an answer must not depend on that."""


class FieldProblem(BaseModel, use_attribute_docstrings=True):
    """What is wrong with one field of the body, or of the query."""

    path: str = Field(examples=[f"customers.17.{CONTRACT.names[0]}"])
    """Dotted path of the field; `body` is the body itself."""
    message: str = Field(examples=["Field required"])
    """What was expected."""
    code: str = Field(examples=["missing"])
    """The broken rule, for programs."""


class Problem(BaseModel, use_attribute_docstrings=True):
    """Why a request was not answered as asked, and what to do."""

    type: Literal["about:blank"] = "about:blank"
    """The status says what kind of problem it is."""
    title: str = Field(examples=["Unprocessable Content"])
    """The name of the status."""
    status: int = Field(examples=[422])
    """The HTTP status."""
    detail: str
    """What happened, and the remedy."""
    request_id: str | None
    """The name of the request in the service's log; also in the header X-Request-ID."""
    errors: list[FieldProblem] = Field(default=[], max_length=LISTED_PROBLEMS)
    """Every field that is wrong, at most the first 100; none when they are more than 50,000."""


def of(error: Exception) -> Problem:
    """Describe an error without telling what only the log should know."""
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
    """Turn an error into the response that tells of it."""
    problem = of(error)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"  # the observer answers HEAD, which the router does not list
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)


def _detail(error: Exception, status: int) -> str:
    match error:
        case HTTPException(status_code=404):
            return "There is nothing at this path. /docs lists what there is."
        case HTTPException(status_code=405):
            return "This path does not take this method. The header Allow names those that it takes."
        case HTTPException():
            return error.detail
        case _ if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return "The service failed. Give the request_id to its operators: their log has the cause."
        case _:
            return str(error)
