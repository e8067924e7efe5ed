"""The outbox: what was told, and which notices wait to be delivered. One JSON file, so that both always agree.

A process that is killed at any time loses no notice. At most it delivers one again, with the same id.
"""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from monitoring.notices.errors import OutboxUnusable
from monitoring.notices.notice import Condition, Notice, Subject
from monitoring.state_file import StateFile

MAX_WAITING = 100
"""Notices that wait at the most; then the oldest is given up."""


class Told(BaseModel):
    """A condition that was told and lasts."""

    condition: Condition
    since: AwareDatetime
    told_at: AwareDatetime


class Waiting(BaseModel):
    """A notice that waits to be delivered."""

    id: str
    notice: Notice


class Outbox(BaseModel):
    """The content of the file."""

    version: Literal[1] = 1
    told: dict[Subject, Told] = {}
    changes_seen: list[str] | None = None
    """Digests of the changes of the pin that were told, or were there at the first look; None before it."""
    waiting: list[Waiting] = []
    """Oldest first."""
    failures: int = 0
    """Attempts since the last delivery."""
    next_attempt_at: AwareDatetime | None = None
    lost_notices: int = 0
    """Notices given up since the last delivery."""
    lost_notices_total: int = 0

    def behind_seconds(self, now: datetime) -> float:
        """Return the age of the oldest notice that waits; 0 if none does."""
        return max((now - self.waiting[0].notice.timestamp).total_seconds(), 0.0) if self.waiting else 0.0


def path(output_dir: Path) -> Path:
    """Return the path of the outbox."""
    return output_dir / "notices" / "outbox.json"


def read(output_dir: Path) -> Outbox | None:
    """Read the outbox; None if there is none yet.

    Raises:
        OutboxUnusable: it cannot be read.
    """
    return _file(output_dir).read()


def write(outbox: Outbox, output_dir: Path) -> None:
    """Replace the outbox atomically; it is on the disk when this returns.

    Raises:
        OutboxUnusable: it cannot be written.
    """
    _file(output_dir).write(outbox)


def locked(output_dir: Path, *, patience_seconds: float) -> AbstractContextManager[None]:
    """Keep other processes from the outbox while the context is open; the lock of a killed process is released.

    Raises:
        OutboxUnusable: another process keeps it for longer than `patience_seconds`, or it cannot be locked.
    """
    return _file(output_dir).locked(patience_seconds=patience_seconds)


def _file(output_dir: Path) -> StateFile[Outbox]:
    busy, remedy = "another process sends notices at the moment", "remove it to begin anew"
    return StateFile(path(output_dir), Outbox, OutboxUnusable, remedy=remedy, busy=busy)
