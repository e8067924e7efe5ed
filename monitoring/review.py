"""Saves a person's decision about a run in its record, and shows it in Evidently's list of runs.

A run may be decided about again: the record keeps all decisions, and the list shows the newest.
"""

import importlib
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models import plain_text
from monitoring.errors import CANNOT_TELL, CannotTell, DecidedMeanwhile, ReviewUnsaved
from monitoring.runs import recorded_runs, retraining, run_store
from monitoring.runs.recorded_runs import RecordedRun
from monitoring.settings import Decision, ReviewSettings

logger = logging.getLogger(__name__)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Review:
    """A decision about a run, with its author and reason."""

    decision: Decision
    by: str
    why: str
    key: str | None = None
    """Name of the API key with which the author signed in; None without keys, and for the command."""
    at: str = field(default_factory=_now)
    """ISO 8601, UTC."""

    def __str__(self) -> str:
        return f"{self.decision}, by {self.by}: {self.why}"


def run_review(settings: ReviewSettings) -> int:
    """Save and show a decision; return 0, or 2 if it could not be saved."""
    review = Review(settings.decision, settings.by, settings.why)
    try:
        run = recorded_runs.find(settings.output_dir, settings.run)
        _print(f"{run.name} ({run.verdict}): {run.summary}")
        is_shown = save(review, run, settings.output_dir)
    except CannotTell as error:
        logger.error("%s", error)  # noqa: TRY400  # the message has the remedy; a traceback would hide it
        return CANNOT_TELL
    _print(str(review), f"record: {run.path}", *([] if is_shown else ["Evidently's list does not show this decision"]))
    if review.decision == "retrain":
        started = follow(run, settings.retrain_command)
        _print(retraining.describe(started) if started else f"to retrain: {retraining.command(run.facts)}")
    return 0


def save(review: Review, run: RecordedRun, output_dir: Path, *, seen: int | None = None) -> bool:
    """Add a decision to the record of a run; return whether Evidently's list shows it, too.

    `seen` is how many decisions about the run the author knew.

    Raises:
        DecidedMeanwhile: the record has another number of decisions.
        ReviewUnsaved: the record cannot be read or written.
    """
    entry = {name: value for name, value in asdict(review).items() if value is not None}
    if run.facts.get("run_id"):  # this import takes seconds, for which nobody should wait for the lock
        importlib.import_module("monitoring.runs.dashboard")
    try:
        with run_store.locked(run.path):  # until the decision is shown, so that no older one is shown after it
            if seen not in (None, len(recorded_runs.read(run.path).reviews)):
                raise DecidedMeanwhile(run=run.name)
            facts = run_store.append_locked(run.path, "reviews", entry)
            return _show(facts, run_store.workspace(output_dir))
    except (OSError, ValueError) as error:
        raise ReviewUnsaved(path=run.path, problem=plain_text.first_line(_problem(error))) from error


def follow(run: RecordedRun, command: str) -> Mapping[str, Any] | None:
    """Start the configured command after a decision to retrain, and add to the record what came of it.

    Without a command, nothing is done, and None is returned.
    """
    if not command:
        return None
    started = retraining.start(command, run.path)
    try:
        run_store.append(run.path, "retrain_requests", started)
    except (OSError, ValueError) as error:  # the caller shows what came of the command
        logger.warning("%s: %s", run.path, _problem(error))
    return started


def _show(facts: Mapping[str, Any], workspace: Path) -> bool:
    """Show the newest decision of a record. No error is raised: the decision is recorded, and must not be repeated."""
    newest, run_id = facts["reviews"][-1], facts.get("run_id")
    if run_id is None:  # the monitor wrote the record for a job that left none
        return False
    from monitoring.runs import dashboard  # noqa: PLC0415  # takes seconds to import; a wrong name fails before

    told = {name: newest[name] for name in ("decision", "by", "why")}
    try:
        return dashboard.show_review(workspace, run_id=run_id, **told)
    except Exception as error:  # noqa: BLE001  # Evidently checks nothing in a damaged workspace
        logger.warning("%s: the decision is recorded, but cannot be shown: %s", workspace, _problem(error))
        return False


def _problem(error: Exception) -> object:
    return (isinstance(error, OSError) and error.strerror) or error


def _print(*lines: str) -> None:
    sys.stdout.write(plain_text.printable("\n".join(lines)) + "\n")
    sys.stdout.flush()
