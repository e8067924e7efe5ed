"""Errors of the service, and the table that maps each error to an HTTP status.

ServiceError
├── BodyTooLarge            the body exceeds the limit
├── MediaTypeUnsupported    the body is not declared as JSON
├── RequestInvalid          the body is not JSON, or body or query break rules
└── Unavailable             the same request may succeed later, or on another instance
    ├── ModelUnavailable    no model is loaded
    ├── LogUnavailable      the prediction log cannot record outcomes
    ├── NotLoggedYet        the predictions are not in the log's database yet
    ├── Overloaded          there are more requests than can be answered in time
    └── Draining            the service is shutting down
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models.errors import ModelsError
from models.features import CONTRACT
from models.log.errors import OutcomesContradicted, OutcomesUnknown

LISTED_PROBLEMS = 100
NOT_JSON, OTHER = "json_invalid", "other"
Queue = Literal["batches", "explanations", "outcomes"]
ShedReason = Literal["queue", "memory"] | Queue
"""Why a request was shed: the queue, the memory of all bodies together, or the queue for its thread."""


class ServiceError(Exception):
    """Base of all errors of this package."""


class BodyTooLarge(ServiceError):
    """The request's body exceeds the limit."""

    def __init__(self, *, limit: int, unit: Literal["bytes", "values"]) -> None:
        self.limit, self.unit = limit, unit
        super().__init__(
            f"The body has more than {limit} {unit}, the limit of this path. Send many customers or outcomes to the "
            "path that ends in /batch, and split them into several requests if necessary."
        )


class MediaTypeUnsupported(ServiceError):
    """The request's body is not declared as JSON."""

    def __init__(self, *, found: str) -> None:
        self.found = found
        media_type = repr(found) if found else "missing"
        super().__init__(f"The body's media type is {media_type}. Send JSON with Content-Type: application/json.")


@dataclass(frozen=True)
class BrokenRule:
    """One broken rule of a body or a query."""

    location: tuple[int | str, ...]
    """Field names and row numbers that lead to the value; empty for the body itself."""
    message: str
    """What was expected."""
    code: str
    """The rule's code, for programs."""

    @property
    def field(self) -> str:
        """The contract's field, or `other`, because clients can send any number of unknown names."""
        name = self.location[-1] if self.location else OTHER
        return str(name) if name in CONTRACT.names else OTHER

    @property
    def path(self) -> str:
        """The location as a dotted path."""
        return ".".join(map(str, self.location)) or "body"


class RequestInvalid(ServiceError):
    """The request's body is not JSON, or its body or query breaks rules."""

    def __init__(self, *, part: Literal["body", "query"] = "body", rules: Sequence[BrokenRule], found: int) -> None:
        """Describe the first `rules` of all that were `found` broken; empty if there are too many to list."""
        self.part, self.rules, self.found = part, rules, found
        super().__init__(f"{self._sentence()} Correct it and send it again.")

    def _sentence(self) -> str:
        if [rule.code for rule in self.rules] == [NOT_JSON]:
            return "The body is not JSON."
        if not self.rules:
            return f"The {self.part} is not valid; it has {self.found} problems, too many to name."
        which = (
            "every problem"
            if self.found == len(self.rules)
            else f"the first {len(self.rules)} of {self.found} problems"
        )
        return f"The {self.part} is not valid; `errors` names {which}."


class Unavailable(ServiceError):
    """The same request may succeed later, or on another instance."""

    retry_after_seconds = 1


class ModelUnavailable(Unavailable):
    """No model is loaded."""

    retry_after_seconds = 30

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class LogUnavailable(Unavailable):
    """The prediction log cannot record outcomes."""

    retry_after_seconds = 5

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class NotLoggedYet(Unavailable):
    """The predictions are not in the log's database yet."""

    retry_after_seconds = 2

    def __init__(self, *, ids: Sequence[str]) -> None:
        self.ids = ids
        super().__init__(
            f"{len(ids)} of these predictions are not in the log yet, for example {ids[0]}. "
            "Nothing was recorded. Send the request again in a moment."
        )


class Overloaded(Unavailable):
    """There are more requests than can be answered in time."""

    def __init__(self, *, reason: ShedReason) -> None:
        self.reason = reason
        super().__init__("The service is overloaded and cannot answer in time. Retry later, and less often.")


class Draining(Unavailable):
    """The service is shutting down."""

    def __init__(self) -> None:
        super().__init__("The service is shutting down. Send requests to another instance.")


STATUS: dict[type[Exception], int] = {
    BodyTooLarge: 413,
    MediaTypeUnsupported: 415,
    RequestInvalid: 422,
    ClientDisconnect: 400,  # nobody reads this answer, but a client that disconnects is not a server error
    OutcomesUnknown: 404,
    OutcomesContradicted: 409,
    Unavailable: 503,
    ModelsError: 500,
    ServiceError: 500,
}
EXPECTED = [kind for kind, status in STATUS.items() if status != 500]
"""Errors that are expected; all others are bugs, and are logged with their traceback."""


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error: its own, or that of its nearest class in the table, or 500."""
    if isinstance(error, HTTPException):
        return error.status_code
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
