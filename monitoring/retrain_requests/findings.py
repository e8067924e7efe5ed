"""Findings: one drift, or one fall of quality, from its first run to its last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitoring.errors import CANNOT_TELL
from monitoring.retrain_requests.advice import FOUND
from monitoring.runs.recorded_runs import RecordedRun
from monitoring.runs.run_store import Job


@dataclass(frozen=True)
class Finding:
    """Runs of one job that found the same, oldest first; or one run of another kind that a person decided about."""

    runs: Sequence[RecordedRun]

    @property
    def job(self) -> Job:
        """The job of its runs."""
        return self.runs[0].job

    @property
    def first(self) -> RecordedRun:
        """Its oldest run whose record is still there."""
        return self.runs[0]

    @property
    def last(self) -> RecordedRun:
        """Its newest run."""
        return self.runs[-1]


def find(runs: Iterable[RecordedRun], job: Job) -> list[Finding]:
    """Return the findings of a job, oldest first.

    A finding ends with a run that finds nothing, or that judges another model. Runs that could not tell, and checks
    of a file or of a window with a given start or end, neither end nor begin one.
    """
    found: list[list[RecordedRun]] = []
    is_over = True
    for run in sorted((run for run in runs if _counts(run, job)), key=lambda run: run.name):
        if run.exit_code != FOUND:
            is_over = True
        elif is_over or found[-1][-1].facts.get("model_version") != run.facts.get("model_version"):
            found.append([run])
            is_over = False
        else:
            found[-1].append(run)
    return [Finding(of_one) for of_one in found]


def current(runs: Iterable[RecordedRun], job: Job) -> Finding | None:
    """Return the finding that lasts; None if the newest run of the job that could tell found nothing."""
    runs = list(runs)
    newest = max((run for run in runs if _counts(run, job)), key=lambda run: run.name, default=None)
    lasts = newest is not None and newest.exit_code == FOUND
    return find(runs, job)[-1] if lasts else None


def of(run: RecordedRun, runs: Iterable[RecordedRun]) -> Finding:
    """Return the finding that a run belongs to; a run that found nothing, or could not tell, stands alone."""
    found = (finding for finding in find(runs, run.job) if run.name in {one.name for one in finding.runs})
    return next(found, Finding([run]))


def _counts(run: RecordedRun, job: Job) -> bool:
    is_by_hand = isinstance(run.facts.get("live"), str) or run.facts.get("chosen_window", False)
    return run.job == job and run.exit_code != CANNOT_TELL and not is_by_hand
