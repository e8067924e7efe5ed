"""The reasons why a notice was not made or not delivered. The messages name the host of a webhook, and never its path.

CannotTell
├── RunsUnreadable      the newest runs cannot be read
├── OutboxUnusable      the outbox cannot be used, or another process uses it
└── NotDelivered        a notice was not delivered
    ├── HostUnknown     the webhook's host has no address
    ├── AddressRefused  it has an address that is not public
    ├── NoAnswer        there is no connection, or no answer in time
    └── Rejected        the answer is not 2xx
"""

from http import HTTPStatus
from pathlib import Path

from monitoring.errors import CannotTell
from monitoring.webhook import Endpoint

FINAL = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.GONE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Answers that blame the notice, or that want no more notices (410); a repetition changes nothing."""


class RunsUnreadable(CannotTell):
    """The newest runs cannot be read."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Nothing new is told. Remove the record that cannot be read.")


class OutboxUnusable(CannotTell):
    """The outbox cannot be read or written, or another process uses it."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Notices are not sent. See that this process may write to the folder.")


class NotDelivered(CannotTell):
    """Base of all reasons why a notice was not delivered."""

    is_final = False
    """Whether it is useless to send the same notice again."""
    retry_after_seconds: float | None = None
    """What the receiver asked for."""


class HostUnknown(NotDelivered):
    """The webhook's host has no address."""

    def __init__(self, *, endpoint: Endpoint, problem: str) -> None:
        self.endpoint, self.problem = endpoint, problem
        super().__init__(f"{endpoint}: {problem}. Check the host in MONITORING_WEBHOOK_URL, and the DNS.")


class AddressRefused(NotDelivered):
    """The webhook's host has an address that is not public."""

    def __init__(self, *, endpoint: Endpoint, address: str, problem: str) -> None:
        self.endpoint, self.address, self.problem = endpoint, address, problem
        super().__init__(
            f"{endpoint}: its address {address} is {problem}, so no connection was made. Give a public host, or allow "
            "this with MONITORING_WEBHOOK_ALLOW_PRIVATE=true."
        )


class NoAnswer(NotDelivered):
    """There is no connection to the webhook, or no answer in time."""

    def __init__(self, *, endpoint: Endpoint, problem: str) -> None:
        self.endpoint, self.problem = endpoint, problem
        super().__init__(f"{endpoint}: {problem}. Check that it can be reached from here without a proxy.")


class Rejected(NotDelivered):
    """The webhook's answer is not 2xx."""

    def __init__(self, *, endpoint: Endpoint, status: int, said: str, retry_after_seconds: float | None = None) -> None:
        self.endpoint, self.status, self.said = endpoint, status, said
        self.retry_after_seconds, self.is_final = retry_after_seconds, status in FINAL
        quoted = f" ({said})" if said else ""
        super().__init__(f"{endpoint}: it answered {status}{quoted}. {self._remedy}")

    @property
    def _remedy(self) -> str:
        if 300 <= self.status < 400:
            return "Redirects are not followed; give the final address in MONITORING_WEBHOOK_URL."
        if self.status in FINAL:
            return "The notice is not sent again. Check what the receiver takes."
        return "Check MONITORING_WEBHOOK_URL, or see the log of the receiver."
