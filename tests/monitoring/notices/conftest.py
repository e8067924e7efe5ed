"""What the tests of notices share: a receiver, a clock, and a sender of notices to that receiver."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.features import CONTRACT
from monitoring import webhook
from monitoring.notices import situation
from monitoring.notices.delivery import Webhook
from monitoring.notices.sender import Sender
from monitoring.runs import run_store
from tests import webhook_receiver
from tests.webhook_receiver import Receiver


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    at: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **time: float) -> None:
        self.at += timedelta(**time)


@pytest.fixture(autouse=True)
def no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that does not verify is checked again at once."""
    monkeypatch.setattr(situation, "SECOND_LOOK_SECONDS", 0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver.receiving() as receiver:
        yield receiver


@pytest.fixture
def sender(receiver: Receiver, shelf: Path, tmp_path: Path, clock: Clock) -> Sender:
    """A sender to the receiver, about runs in `tmp_path` and the pinned bundle of the shelf."""
    to = Webhook(webhook.parse_endpoint(receiver.url), allow_private=True)
    return Sender(to, tmp_path, shelf, CONTRACT, timedelta(days=1), clock)


@pytest.fixture
def record(tmp_path: Path, clock: Clock) -> Callable[..., None]:
    """Leave the record of a run that ended with an exit code."""

    def record(job: run_store.Job, exit_code: int, **facts: Any) -> None:
        clock.turn(seconds=1)
        usual = {"verdict": "a verdict", "summary": f"the {job} job ended with {exit_code}", "reason": "too few rows."}
        run_store.write({**usual, "exit_code": exit_code, **facts}, tmp_path, job, clock.at)

    return record
