"""What the service raises, and the one table that says how each error is answered.

    ServiceError
    ├── BodyTooLarge            the body exceeds the limit
    └── MediaTypeUnsupported    the body does not say that it is JSON

Knows nothing of what an answer looks like; that is `service.problem`.
"""

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models.errors import BundleError, ModelsError


class ServiceError(Exception):
    """Base of all errors of this package."""


class BodyTooLarge(ServiceError):
    """The request's body exceeds the limit."""

    def __init__(self, *, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"The body is larger than {limit_bytes} bytes. Send the customers in several requests.")


class MediaTypeUnsupported(ServiceError):
    """The request's body does not say that it is JSON."""

    def __init__(self, *, found: str) -> None:
        self.found = found
        super().__init__(f"The body's media type is {found!r}. Send JSON with Content-Type: application/json.")


STATUS: dict[type[Exception], int] = {
    BodyTooLarge: 413,
    MediaTypeUnsupported: 415,
    RequestValidationError: 422,
    ClientDisconnect: 400,  # nobody reads this answer, but a client that leaves is no fault of ours
    BundleError: 503,
    ModelsError: 500,
    ServiceError: 500,
}
EXPECTED = [kind for kind, status in STATUS.items() if status != 500]
"""Errors that are answers; all others are our fault, and logged with their traceback."""


def status_of(error: Exception) -> int:
    """Return the status that answers an error: its own, or that of its nearest class in the table, or 500."""
    if isinstance(error, HTTPException):
        return error.status_code
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
