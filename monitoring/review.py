"""Saves a person's review of a run in its record, and shows it in the dashboard's list of runs.

A run may be reviewed again: the record keeps all reviews, and the dashboard shows the newest.
"""

import logging
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitoring.errors import CANNOT_TELL, CannotTell, OutputUnwritable
from monitoring.runs import run_store
from monitoring.settings import Decision, ReviewSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Review:
    """A decision about a run, with its author and reason."""

    decision: Decision
    by: str
    why: str
    at: str
    """ISO 8601, UTC."""

    def __str__(self) -> str:
        return f"{self.decision}, by {self.by}: {self.why}"


def run_review(settings: ReviewSettings) -> int:
    """Save and show a review; return 0, or 2 if it could not be saved."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    review = Review(settings.decision, settings.by, settings.why, at)
    try:
        lines = _keep(review, settings)
    except CannotTell as error:
        logger.error("%s", error)  # noqa: TRY400  # the message has the remedy; a traceback would hide it
        return CANNOT_TELL
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _keep(review: Review, settings: ReviewSettings) -> list[str]:
    record = run_store.find(settings.output_dir, settings.run)
    try:
        facts = run_store.add_review(record, asdict(review))
    except OSError as error:
        raise OutputUnwritable(path=record, problem=error.strerror or str(error)) from error
    shown = _show(review, facts.get("run_id"), run_store.workspace(settings.output_dir))
    lines = [f"{record.stem} ({facts['verdict']}): {review}", f"record: {record}"]
    return lines if shown else [*lines, "the dashboard does not show this run"]


def _show(review: Review, run_id: str | None, workspace: Path) -> bool:
    from monitoring.runs import dashboard  # noqa: PLC0415  # takes seconds to import; a wrong name fails before

    if run_id is None:  # the monitor wrote the record for a job that left none
        return False
    return dashboard.show_review(workspace, run_id=run_id, decision=review.decision, by=review.by, why=review.why)
