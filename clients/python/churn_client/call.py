"""A request, and what its answer means."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

import httpx2

from churn_client.connection import in_header
from churn_client.decoding import build
from churn_client.errors import BY_STATUS, AnswerUnreadable, Refused, Unreachable
from churn_client.schemas import FieldProblem, Problem

T = TypeVar("T")
NO_ANSWER = (httpx2.NetworkError, httpx2.ProxyError, httpx2.RemoteProtocolError, httpx2.TimeoutException)
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
_HEADER = "X-Request-ID"
_ROW = re.compile(r"^([a-z]+\.)(\d+)")
"""The list of a batch, and the number of a row in it."""


@dataclass
class Call(Generic[T]):
    """One request, and how its answer is read."""

    path: str
    read: Callable[[bytes], T]
    """Reads the body of a successful answer."""
    content: bytes | None = None
    """Body of a POST; None for a GET."""
    request_id: str = ""
    """The same for all attempts; drawn if it is empty."""
    is_repeatable: bool = True
    """Whether the service may get the request twice."""
    first_row: int = 0
    """Number of the body's first row among all rows of the caller."""

    def __post_init__(self) -> None:
        self.request_id = in_header("request_id", self.request_id) or uuid.uuid4().hex

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.content is None else "POST"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this request alone."""
        declared = {} if self.content is None else {"Content-Type": "application/json"}
        return declared | {_HEADER: self.request_id}

    def result(self, response: httpx2.Response) -> T:
        """Read the answer.

        Raises:
            Refused: it has an error status.
            AnswerUnreadable: it has an unknown form.
        """
        if response.status_code != 200:
            raise self._refusal(response)
        try:
            return self.read(response.content)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise self.unreadable() from error

    def unreachable(self, error: httpx2.TransportError) -> Unreachable:
        """Describe why there is no answer."""
        return Unreachable(
            problem=f"{type(error).__name__} {error}".strip(),
            may_have_arrived=not isinstance(error, _NOT_SENT),
            request=self._name,
            request_id=self.request_id,
        )

    def unreadable(self) -> AnswerUnreadable:
        """Describe an answer of unknown form."""
        return AnswerUnreadable(request=self._name, request_id=self.request_id)

    @property
    def _name(self) -> str:
        return f"{self.method} {self.path}"

    def _refusal(self, response: httpx2.Response) -> Refused:
        try:
            problem = build(Problem, response.json())
            detail, fields = problem.detail, [self._among_all_rows(found) for found in problem.errors]
        except (AttributeError, RecursionError, TypeError, ValueError):  # a proxy answered, and not the service
            detail, fields = response.reason_phrase, []
        return BY_STATUS.get(response.status_code, Refused)(
            status=response.status_code,
            detail=detail,
            fields=fields,
            retry_after_seconds=_seconds(response.headers.get("Retry-After", "")),
            request=self._name,
            request_id=response.headers.get(_HEADER, self.request_id),
        )

    def _among_all_rows(self, found: FieldProblem) -> FieldProblem:
        return replace(found, path=_ROW.sub(lambda row: f"{row[1]}{int(row[2]) + self.first_row}", found.path))


def _seconds(retry_after: str) -> float | None:
    """Read a number of seconds, or a date; None for anything else."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (OverflowError, TypeError, ValueError):
        return None
