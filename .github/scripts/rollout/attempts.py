"""A running deployment: its limits, what is known of it so far, and its record."""

import getpass
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rollout import deployment_history
from rollout.deployment_history import Action, Record, Result


def user() -> str:
    """Return who deploys."""
    return os.environ.get("GITHUB_ACTOR") or getpass.getuser()


def now() -> str:
    """Return the time, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Time limits of a deployment, and the share of requests that a new colour may fail to answer."""

    ready_seconds: float = 60
    soak_seconds: float = 30
    max_failed_fraction: float = 0.01


@dataclass
class Attempt:
    """A running deployment."""

    image: str
    action: Action
    patience: Limits
    settings: Mapping[str, str] = field(default_factory=dict)
    jobs: str | None = None
    """Image of the jobs, for the monitor."""
    began: float = field(default_factory=time.monotonic)
    at: str = field(default_factory=now)
    model_version: str | None = None
    switched: bool = False

    def end(self, result: Result, reason: str) -> Record:
        """Append the result to the history, and return its record."""
        record = Record(
            at=self.at,
            by=user(),
            action=self.action,
            image=self.image,
            jobs_image=self.jobs,
            model_version=self.model_version,
            result=result,
            reason=reason,
            seconds=round(time.monotonic() - self.began, 1),
        )
        deployment_history.append(record)
        return record
