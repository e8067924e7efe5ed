"""A notice: what happened, as JSON for a program and as a sentence for people.

The field `text` is what Slack's incoming webhooks show; they ignore the other fields. `type` and `timestamp` have the
names that Standard Webhooks recommends. No notice holds a value of a customer.
"""

import json
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

Condition = Literal["drift.found", "quality.fallen", "job.cannot_tell", "pin.refused"]
"""What lasts until it is over."""
Type = Literal[Condition, "model.fitted", "model.promoted", "model.rolled_back", "model.withdrawn", "webhook.test"]
Status = Literal["firing", "resolved", "info"]
Subject = Literal["drift", "performance", "pin", "model", "webhook"]
SUMMARY_LETTERS = 1_000
"""Longest summary that is sent; a receiver may refuse long messages."""


class Notice(BaseModel):
    """Something to tell. The fields are those of the JSON, without `text` and `lost_notices`."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    type: Type
    status: Status
    subject: Subject
    """What it is about; a job has one condition at a time, and a later notice replaces an earlier one."""
    timestamp: AwareDatetime
    since: AwareDatetime
    """Start of the condition, or time of the change of the pin; the same as `timestamp` where it just began."""
    headline: str
    summary: str
    remedy: str
    model_version: str | None = None
    run: str | None = None
    """Name of the run's record without its suffix."""
    report: str | None = None
    """Path of the run's page on the machine of the monitor."""

    @property
    def is_reminder(self) -> bool:
        """Whether the condition was told before."""
        return self.status == "firing" and self.since != self.timestamp

    def body(self, lost_notices: int = 0) -> bytes:
        """Return the JSON, with the number of notices before this one that could not be delivered."""
        fields = self.model_dump(mode="json", exclude={"headline", "remedy"})
        more = {"summary": self._short, "reminder": self.is_reminder, "lost_notices": lost_notices}
        return json.dumps({"text": self._text(lost_notices), **fields, **more}).encode()

    @property
    def _short(self) -> str:
        return self.summary if len(self.summary) <= SUMMARY_LETTERS else f"{self.summary[:SUMMARY_LETTERS]}..."

    def _text(self, lost_notices: int) -> str:
        word = {"firing": "since", "resolved": "it began at", "info": "at"}[self.status]
        since = f" ({word} {self.since:%Y-%m-%d %H:%M} UTC)" if self.since != self.timestamp else ""
        lost = f" Notices before this one that could not be delivered: {lost_notices}." if lost_notices else ""
        sentence = f"{self.headline}{since}: {self._short.rstrip('.')}. {self.remedy}".rstrip() + lost
        # Without this, Slack would take <!channel> for a mention of everybody.
        return sentence.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
