"""Decides what to tell: what is so now is compared with what was told before."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from models.bundles.pin_history import PinChange
from monitoring.notices.notice import Condition, Notice, Type
from monitoring.notices.outbox import Outbox, Told
from monitoring.notices.situation import Observation, Situation

HEADLINES: Mapping[Condition, tuple[str, str]] = {
    "drift.found": ("Drift", "No drift any more"),
    "quality.fallen": ("The quality of the model has fallen", "The quality of the model is as promised again"),
    "job.cannot_tell": ("The {subject} job cannot tell", "The {subject} job can tell again, and all is well"),
    "pin.refused": ("The pinned model is refused", "The pinned model is accepted"),
}
"""Sentences for the beginning and for the end of a condition."""
SECTIONS: Mapping[Condition, str] = {
    "drift.found": "drift",
    "quality.fallen": "quality-fallen",
    "job.cannot_tell": "monitor-blind",
    "pin.refused": "pinned-model-refused",
}
"""Sections of the runbook."""
MODELS: Mapping[str, tuple[Type, str]] = {
    "fit": ("model.fitted", "A new model is pinned after a fit"),
    "promote": ("model.promoted", "A challenger is promoted"),
    "rollback": ("model.rolled_back", "The model is rolled back"),
    "withdraw": ("model.withdrawn", "The challenger is withdrawn"),
}
"""Types and sentences for changes of the pin; a challenger that begins or advances is not told."""


def find(
    outbox: Outbox | None, situation: Situation, *, now: datetime, repeat: timedelta
) -> tuple[Outbox, list[Notice]]:
    """Return the notices to send, and the outbox that remembers them; it does not hold them yet.

    Without an outbox, this is the first look: conditions that last are told, and the history of the pin is not.
    """
    before = outbox or Outbox()
    told, notices = dict(before.told), []
    for observation in situation.observations:
        last = told.get(observation.subject)
        if notice := _compare(last, observation, now=now, repeat=repeat):
            notices.append(notice)
            told.pop(observation.subject, None)
            if observation.condition:
                told[observation.subject] = Told(condition=observation.condition, since=notice.since, told_at=now)
    if situation.changes is None:
        return before.model_copy(update={"told": told}), notices
    seen = list(situation.changes) if before.changes_seen is None else before.changes_seen
    new = {key: change for key, change in situation.changes.items() if key not in seen}
    notices += [_of_change(change, now) for change in new.values() if change.change in MODELS]
    return before.model_copy(update={"told": told, "changes_seen": [*seen, *new]}), notices


def _compare(last: Told | None, seen: Observation, *, now: datetime, repeat: timedelta) -> Notice | None:
    """Return a notice if a condition began, changed or ended, or lasts for so long that it is told again."""
    if not seen.condition:
        return _of_condition(seen, last.condition, "resolved", now, last.since) if last else None
    if not last or last.condition != seen.condition:
        return _of_condition(seen, seen.condition, "firing", now, now)
    is_due = now >= last.told_at + repeat
    return _of_condition(seen, seen.condition, "firing", now, last.since) if is_due else None


def _of_condition(
    seen: Observation, condition: Condition, status: Literal["firing", "resolved"], now: datetime, since: datetime
) -> Notice:
    is_over = status == "resolved"
    where = f"See run {seen.run} on the dashboard, and" if seen.run else "See"
    return Notice(
        type=condition,
        status=status,
        subject=seen.subject,
        timestamp=now,
        since=since,
        headline=HEADLINES[condition][is_over].format(subject=seen.subject),
        summary=seen.summary,
        remedy="" if is_over else f"{where} docs/runbook.md#{SECTIONS[condition]}.",
        model_version=seen.model_version,
        run=seen.run,
        report=seen.report,
    )


def _of_change(change: PinChange, now: datetime) -> Notice:
    kind, headline = MODELS[change.change]
    why = f" ({change.why})" if change.why else ""
    return Notice(
        type=kind,
        status="info",
        subject="model",
        timestamp=now,
        since=change.at,
        headline=headline,
        summary=f"{change.version}{why}",
        remedy="`python -m training history` lists all changes.",
        model_version=change.version,
    )
