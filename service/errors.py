"""Errors of the service, and the table that maps each error to an HTTP status.

ServiceError
├── BodyTooLarge            the body exceeds the limit
├── MediaTypeUnsupported    the body is not declared as JSON, or as compressed
├── RequestInvalid          the body is not JSON, or body or query break rules
├── HostRefused             the header Host names another host than this service
├── KeyRefused              the request has no valid key
├── ScopeMissing            the key is not for this path
├── TooManyRequests         the client exceeds its limit
├── KeysUnreadable          the keys file is missing, invalid or unreadable
├── KeyRejected             a key cannot be added to the keys file
├── KeyUnknown              the keys file has no such key
└── Unavailable             the same request may succeed later, or on another instance
    ├── ModelUnavailable    no model is loaded
    ├── LogUnavailable      the prediction log cannot record reports
    ├── NotLoggedYet        the predictions are not in the log's database yet
    ├── Overloaded          there are more requests than can be answered in time
    └── Draining            the service is shutting down
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models.errors import ModelsError
from models.features import CONTRACT
from models.log.errors import OutcomesContradicted, OutcomesUnknown, TreatmentsContradicted

LISTED_PROBLEMS = 100
NOT_JSON, OTHER = "json_invalid", "other"
Queue = Literal["batches", "explanations", "outcomes", "trials"]
ShedReason = Literal["queue", "memory", Queue]
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
    """The request's body is not declared as JSON, or is declared as compressed."""

    def __init__(self, *, found: str, coding: str = "") -> None:
        self.found, self.coding = found, coding
        problem = f"The body's media type is {repr(found) if found else 'missing'}. Send JSON with Content-Type: "
        compressed = f"The body's Content-Encoding is {coding!r}. Send the JSON uncompressed, without this header."
        super().__init__(compressed if coding else f"{problem}application/json.")


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
        """The contract's field of this or an earlier name, or `other`: clients can send any number of unknown names."""
        return CONTRACT.names_of_today.get(self.location[-1], OTHER) if self.location else OTHER

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
        named = len(self.rules)
        which = "every problem" if self.found == named else f"the first {named} of {self.found} problems"
        return f"The {self.part} is not valid; `errors` names {which}."


class HostRefused(ServiceError):
    """The header Host names another host than this service, as it does in DNS rebinding."""

    def __init__(self, *, found: str) -> None:
        self.found = found
        super().__init__(
            f"This service does not answer for the host {found!r}. Use one of its names. Its operators can add a name "
            "with SERVICE_ALLOWED_HOSTS."
        )


class KeyRefused(ServiceError):
    """The request has no valid key."""

    def __init__(self, *, problem: Literal["missing", "unknown", "expired"]) -> None:
        self.problem = problem
        subject = "This path needs a key." if problem == "missing" else f"The key is {problem}."
        super().__init__(f"{subject} Send a valid one as `Authorization: Bearer KEY` or as `X-API-Key: KEY`.")


class ScopeMissing(ServiceError):
    """The key is not for this path."""

    def __init__(self, *, name: str, scope: str) -> None:
        self.name, self.scope = name, scope
        typo = ", or correct the path: /docs lists all" if scope == "read" else ""  # a path that does not exist, too
        super().__init__(f"The key of {name} is not for this path. Use a key with the scope `{scope}`{typo}.")


class TooManyRequests(ServiceError):
    """The client exceeds its limit of requests or rows."""

    def __init__(self, *, limit: float, unit: str, wait_seconds: int) -> None:
        self.limit, self.unit, self.retry_after_seconds = limit, unit, wait_seconds
        super().__init__(f"You have sent more than {limit:g} {unit} per second. Retry after {wait_seconds} s.")


class KeysUnreadable(ServiceError):
    """The keys file is missing, invalid or unreadable."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. Correct it, name another file with SERVICE_KEYS_FILE, or make a key with "
            "`python -m service keys add NAME`."
        )


class KeyRejected(ServiceError):
    """A key cannot be added to the keys file."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Nothing was added.")


class KeyUnknown(ServiceError):
    """The keys file has no such key."""

    def __init__(self, *, name: str, short: str, path: Path) -> None:
        self.name, self.short, self.path = name, short, path
        which = f"{name} {short}" if short else name
        super().__init__(f"{path}: there is no key {which}. `python -m service keys list` lists all keys.")


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
    """The prediction log cannot record reports."""

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
    HostRefused: 400,
    KeyRefused: 401,
    ScopeMissing: 403,
    TooManyRequests: 429,
    BodyTooLarge: 413,
    MediaTypeUnsupported: 415,
    RequestInvalid: 422,
    ClientDisconnect: 400,  # nobody reads this answer, but a client that disconnects is not a server error
    OutcomesUnknown: 404,
    OutcomesContradicted: 409,
    TreatmentsContradicted: 409,
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
