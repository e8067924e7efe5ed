"""What the service raises, and the one table that says how each error is answered.

ServiceError
├── BodyTooLarge            the body exceeds the limit
├── MediaTypeUnsupported    the body does not say that it is JSON
├── RequestInvalid          the body is not JSON, or body or query break rules
└── Unavailable             the same request may be answered later, or by another instance
    ├── ModelUnavailable    no model can be trusted
    ├── LogUnavailable      the prediction log takes no outcomes
    ├── NotLoggedYet        the predictions are on their way to the log
    ├── Overloaded          more was asked than can be answered in time
    └── Draining            the service is about to end
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
"""What a request was refused for: requests that came before it, bodies too large together, or those in its thread."""


class ServiceError(Exception):
    """Base of all errors of this package."""


class BodyTooLarge(ServiceError):
    """The request's body exceeds the limit."""

    def __init__(self, *, limit: int, unit: Literal["bytes", "values"]) -> None:
        self.limit, self.unit = limit, unit
        super().__init__(
            f"The body has more than {limit} {unit}, the most that this path takes. "
            "Send many to the path that ends in /batch, in several requests if need be."
        )


class MediaTypeUnsupported(ServiceError):
    """The request's body does not say that it is JSON."""

    def __init__(self, *, found: str) -> None:
        self.found = found
        told = repr(found) if found else "missing"
        super().__init__(f"The body's media type is {told}. Send JSON with Content-Type: application/json.")


@dataclass(frozen=True)
class BrokenRule:
    """One thing that is wrong with a body or a query."""

    location: tuple[int | str, ...]
    """Where: names of fields and numbers of rows; empty for the body itself."""
    message: str
    """What was expected."""
    code: str
    """The rule, for programs."""

    @property
    def field(self) -> str:
        """The contract's field that it is about, or `other`; a client can invent names without end."""
        name = self.location[-1] if self.location else OTHER
        return str(name) if name in CONTRACT.names else OTHER

    @property
    def path(self) -> str:
        """The location with dots."""
        return ".".join(map(str, self.location)) or "body"


class RequestInvalid(ServiceError):
    """The request's body is not JSON, or its body or query breaks rules."""

    def __init__(self, *, part: Literal["body", "query"] = "body", rules: Sequence[BrokenRule], found: int) -> None:
        """Tell of the first `rules` of all that were `found` broken; none when they are too many to list."""
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
    """The same request may be answered later, or by another instance."""

    retry_after_seconds = 1


class ModelUnavailable(Unavailable):
    """No model can be trusted."""

    retry_after_seconds = 30

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class LogUnavailable(Unavailable):
    """The prediction log takes no outcomes."""

    retry_after_seconds = 5

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class NotLoggedYet(Unavailable):
    """The predictions are on their way to the log."""

    retry_after_seconds = 2

    def __init__(self, *, ids: Sequence[str]) -> None:
        self.ids = ids
        super().__init__(
            f"{len(ids)} of these predictions are not in the log yet, {ids[0]} for one. "
            "Nothing was recorded; send it again in a moment."
        )


class Overloaded(Unavailable):
    """More was asked than can be answered in time."""

    def __init__(self, *, reason: ShedReason) -> None:
        self.reason = reason
        super().__init__("The service has more to do than it can answer in time. Retry later, and less often.")


class Draining(Unavailable):
    """The service is about to end."""

    def __init__(self) -> None:
        super().__init__("The service is about to end. Send requests to another instance.")


STATUS: dict[type[Exception], int] = {
    BodyTooLarge: 413,
    MediaTypeUnsupported: 415,
    RequestInvalid: 422,
    ClientDisconnect: 400,  # nobody reads this answer, but a client that leaves is no fault of ours
    OutcomesUnknown: 404,
    OutcomesContradicted: 409,
    Unavailable: 503,
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
