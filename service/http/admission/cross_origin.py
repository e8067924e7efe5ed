"""Middleware for web pages of other origins (CORS): Starlette's, with refusals in the one shape of problems."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from service import request_id
from service.http import problem_details

METHODS = ("GET", "POST")
SENT = ("Authorization", "Content-Type", "X-API-Key", request_id.HEADER)
READ = ("Retry-After", request_id.HEADER)


class CrossOrigin(CORSMiddleware):
    """Lets the pages of some origins call the service."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        super().__init__(app, allow_origins=origins, allow_methods=METHODS, allow_headers=SENT, expose_headers=READ)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser that asks whether a page may send a request."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:  # a status
            return answer
        problem = f"{bytes(answer.body).decode()}. Operators of the service allow origins with SERVICE_CORS_ORIGINS."
        return problem_details.answer(HTTPException(answer.status_code, problem))
