"""Everything that a call raises.

ClientError
├── Unreachable             there is no connection, or no answer in time
├── AnswerUnreadable        the answer is not one of this service
└── Refused                 the service answered with another error status, such as 400 or 500
    ├── Unauthorized        401: the key is missing, unknown or expired
    ├── Forbidden           403: the key has not the scope of the path
    ├── NotFound            404: the log has no such predictions
    ├── Conflict            409: you have reported other outcomes for these predictions
    ├── TooLarge            413: the body is larger than the limit
    ├── InvalidInput        422: `fields` names every problem
    └── Temporary           the same request may succeed later
        ├── TooManyRequests 429: you exceed your limit
        └── Unavailable     503: there is no model, the log cannot record, or the service is overloaded
"""

from collections.abc import Sequence

from churn_client.schemas import FieldProblem


class ClientError(Exception):
    """Base of all errors of this package."""

    def __init__(self, sentence: str, *, request: str, request_id: str) -> None:
        self.request, self.request_id = request, request_id
        super().__init__(f"{request}: {sentence} (request id {request_id})")


class Unreachable(ClientError):
    """There is no connection, or no answer in time."""

    def __init__(self, *, problem: str, may_have_arrived: bool, request: str, request_id: str) -> None:
        """`may_have_arrived` says whether the service may have received the request, and done its work."""
        self.problem, self.may_have_arrived = problem, may_have_arrived
        remedy = "may have processed the request" if may_have_arrived else "did not get it. Check the address"
        super().__init__(
            f"there is no answer, {problem}. The service {remedy}.", request=request, request_id=request_id
        )


class AnswerUnreadable(ClientError):
    """The answer is not one of this service, or one of another version."""

    def __init__(self, *, request: str, request_id: str) -> None:
        super().__init__(
            "the answer has another form than this client knows. Check the address, and the client's version.",
            request=request,
            request_id=request_id,
        )


class Refused(ClientError):
    """The service answered with an error status."""

    def __init__(
        self,
        *,
        status: int,
        detail: str,
        fields: Sequence[FieldProblem],
        retry_after_seconds: float | None,
        request: str,
        request_id: str,
    ) -> None:
        """`retry_after_seconds` is how long the service asks to wait; None if it does not ask for that."""
        self.status, self.detail, self.fields, self.retry_after_seconds = status, detail, fields, retry_after_seconds
        listed = "".join(f"\n  {field.path}: {field.message}" for field in fields)
        super().__init__(f"{status}, {detail}{listed}", request=request, request_id=request_id)


class Unauthorized(Refused):
    """The key is missing, unknown or expired."""


class Forbidden(Refused):
    """The key has not the scope of the path."""


class NotFound(Refused):
    """The log has no such predictions; nothing was recorded."""


class Conflict(Refused):
    """You have reported other outcomes for these predictions; nothing was recorded."""


class TooLarge(Refused):
    """The body is larger than the limit."""


class InvalidInput(Refused):
    """The input breaks rules; `fields` names every problem, with its row's number in what the call was given."""


class Temporary(Refused):
    """The same request may succeed later."""


class TooManyRequests(Temporary):
    """You exceed your limit of requests or customers per second."""


class Unavailable(Temporary):
    """There is no model, the log cannot record, or the service is overloaded or shutting down."""


BY_STATUS: dict[int, type[Refused]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: InvalidInput,
    429: TooManyRequests,
    503: Unavailable,
}
