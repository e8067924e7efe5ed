"""Looks at what is so, puts what is to be told into the outbox, and delivers it in order.

Each notice is delivered at least once, or given up after a day; by then a reminder is due anyway.
"""

import logging
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.customer.contract import Contract
from monitoring.notices import changes, outbox, situation
from monitoring.notices.delivery import Webhook
from monitoring.notices.errors import NotDelivered, RunsUnreadable
from monitoring.notices.notice import Notice
from monitoring.notices.outbox import MAX_WAITING, Outbox, Waiting

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 900.0
"""Pauses between two attempts; each is twice as long as the one before, less up to a half by chance."""
LONGEST_RETRY_AFTER_SECONDS = 3600.0
GIVE_UP_AFTER = timedelta(days=1)
_FRESH = {"failures": 0, "next_attempt_at": None}


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Sender:
    """Sends notices about the runs in one folder and the pin in another."""

    webhook: Webhook
    output_dir: Path
    models_dir: Path
    contract: Contract
    """The contract that the pinned bundle must match."""
    repeat: timedelta
    """Time after which a condition that lasts is told again."""
    now: Callable[[], datetime] = _utc_now

    def run(self, *, patience_seconds: float = 0) -> Outbox:
        """Look once, deliver what is due, and return the outbox that remains.

        Raises:
            OutboxUnusable: the outbox cannot be used, or another process uses it for longer than `patience_seconds`.
            RunsUnreadable: the newest runs cannot be read; what waited was sent nevertheless.
        """
        unreadable = None
        with outbox.locked(self.output_dir, patience_seconds=patience_seconds):
            found = outbox.read(self.output_dir)
            try:
                found = self._look(found)
            except RunsUnreadable as error:
                unreadable = error
            while found and self.seconds_until_due(found) == 0:
                found = self._deliver_first(found)
        if unreadable:
            raise unreadable
        return found or Outbox()

    def test(self) -> str:
        """Send a test notice past the outbox, and return what came back.

        Raises:
            NotDelivered: the receiver did not accept it.
        """
        now = self.now()
        notice = Notice(
            type="webhook.test",
            status="info",
            subject="webhook",
            timestamp=now,
            since=now,
            headline="Test",
            summary="the monitor of the churn model can reach you",
            remedy="",
        )
        answer = self.webhook.deliver(_new_id(), notice.body(), now=now)
        signed = "signed" if self.webhook.keys else "not signed, because MONITORING_WEBHOOK_SECRET is not set"
        said = f" ({answer.said})" if answer.said else ""
        return f"{self.webhook.endpoint} answered {answer.status}{said}; the notice was {signed}"

    def _look(self, before: Outbox | None) -> Outbox:
        seen = situation.look(self.output_dir, self.models_dir, contract=self.contract)
        after, notices = changes.find(before, seen, now=self.now(), repeat=self.repeat)
        waiting = [*after.waiting, *(Waiting(id=_new_id(), notice=notice) for notice in notices)]
        after = after.model_copy(update={"waiting": waiting})
        while len(after.waiting) > MAX_WAITING:
            after = _lose_first(after, f"{MAX_WAITING} newer ones wait")
        while after.behind_seconds(self.now()) > GIVE_UP_AFTER.total_seconds():
            after = _lose_first(after, "it waited for more than a day")
        if after != before:
            outbox.write(after, self.output_dir)
        return after

    def seconds_until_due(self, found: Outbox) -> float | None:
        """Return the time until the next attempt; None if nothing waits."""
        if not found.waiting:
            return None
        seconds = ((found.next_attempt_at or self.now()) - self.now()).total_seconds()
        return max(seconds, 0) if seconds <= LONGEST_RETRY_AFTER_SECONDS else 0  # the clock was set back

    def _deliver_first(self, found: Outbox) -> Outbox:
        """Try to deliver the oldest notice; the next attempt is planned before this one, in case of a crash."""
        pause = pause_seconds(found.failures)
        found = found.model_copy(update={"failures": found.failures + 1, "next_attempt_at": self._after(pause)})
        outbox.write(found, self.output_dir)
        first = found.waiting[0]
        try:
            self.webhook.deliver(first.id, first.notice.body(found.lost_notices), now=self.now())
        except NotDelivered as error:
            if error.is_final:
                found = _lose_first(found, str(error)).model_copy(update=_FRESH)
            else:
                wanted = min(error.retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
                found = found.model_copy(update={"next_attempt_at": self._after(max(pause, wanted))})
                logger.warning("a notice waits after %d failed attempts: %s", found.failures, error)
        else:
            found = found.model_copy(update={"waiting": found.waiting[1:], "lost_notices": 0, **_FRESH})
            logger.info("told %s: %s, %s", self.webhook.endpoint, first.notice.type, first.notice.status)
        outbox.write(found, self.output_dir)
        return found

    def _after(self, seconds: float) -> datetime:
        return self.now() + timedelta(seconds=seconds)


def pause_seconds(failures: int) -> float:
    """Return the time to wait after one more failure."""
    longest = min(FIRST_PAUSE_SECONDS * (1 << min(failures, 20)), LONGEST_PAUSE_SECONDS)
    return longest * secrets.SystemRandom().uniform(0.5, 1)


def _lose_first(found: Outbox, why: str) -> Outbox:
    first = found.waiting[0]
    logger.error("a notice is given up (%s, %s): %s", first.notice.type, first.notice.status, why)
    lost = {"lost_notices": found.lost_notices + 1, "lost_notices_total": found.lost_notices_total + 1}
    return found.model_copy(update={"waiting": found.waiting[1:], **lost})


def _new_id() -> str:
    return f"msg_{uuid.uuid4().hex}"
