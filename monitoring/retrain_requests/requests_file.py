"""The requests that were made, in one JSON file. It outlasts the records of the runs, which are removed by age."""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from models import file_lock
from monitoring.retrain_requests.errors import RequestsUnusable
from monitoring.retrain_requests.findings import Finding
from monitoring.runs.run_store import Job
from monitoring.state_file import StateFile

KEPT = 100
"""Requests that are remembered, the newest."""


class Request(BaseModel):
    """A request, with the runs of its finding."""

    job: Job
    first: str
    """Name of the oldest run of the finding."""
    last: str
    """Name of the newest run of the finding that was seen."""
    at: AwareDatetime
    outcome: Literal["begun", "sent", "unknown"] = "begun"
    """`begun` until it is answered; `unknown` if nobody knows whether it arrived."""
    because: Literal["finding", "decision"]

    def covers(self, finding: Finding) -> bool:
        """Return whether the request was made for this finding."""
        return self.job == finding.job and self.first <= finding.last.name and finding.first.name <= self.last


class Requests(BaseModel):
    """The content of the file."""

    version: Literal[1] = 1
    began_at: AwareDatetime
    """Time of the first look; older decisions ask for nothing."""
    made: list[Request] = []
    """Oldest first."""

    def covering(self, finding: Finding) -> Request | None:
        """Return the request that was made for a finding."""
        return next((request for request in reversed(self.made) if request.covers(finding)), None)

    def last_at(self) -> datetime | None:
        """Return the time of the newest request."""
        return max((request.at for request in self.made), default=None)


def path(output_dir: Path) -> Path:
    """Return the path of the file."""
    return output_dir / "retraining" / "requests.json"


def read(output_dir: Path, *, now: datetime) -> Requests:
    """Read the requests; at the first look there are none.

    Raises:
        RequestsUnusable: the file cannot be read.
    """
    return _file(output_dir).read() or Requests(began_at=now)


def write(requests: Requests, output_dir: Path) -> None:
    """Replace the file atomically; it is on the disk when this returns.

    Raises:
        RequestsUnusable: it cannot be written.
    """
    _file(output_dir).write(requests.model_copy(update={"made": requests.made[-KEPT:]}))


def locked(output_dir: Path, *, patience_seconds: float = file_lock.PATIENCE_SECONDS) -> AbstractContextManager[None]:
    """Keep other processes from requesting while the context is open; the lock of a killed process is released.

    Raises:
        RequestsUnusable: another process keeps it for longer than `patience_seconds`, or it cannot be locked.
    """
    return _file(output_dir).locked(patience_seconds=patience_seconds)


def _file(output_dir: Path) -> StateFile[Requests]:
    busy = "another process requests at the moment"
    remedy = "remove it to begin anew, and a drift that lasts asks again"
    return StateFile(path(output_dir), Requests, RequestsUnusable, remedy=remedy, busy=busy)
