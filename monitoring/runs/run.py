"""Runs a job: draws its report, writes its record, adds it to the dashboard and prints the summary.

On any error the exit code is 2, never 0, and the reason is saved as a run of its own, so that a failing job does not
look like its last good run.
"""

import logging
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from models.bundles import pins
from models.errors import BundleError, ModelsError
from monitoring.errors import CannotTell, OutputUnwritable
from monitoring.job_result import JobResult, NoVerdict
from monitoring.runs import run_store
from monitoring.runs.run_store import Job
from monitoring.settings import JobSettings

if TYPE_CHECKING:
    from monitoring.runs.report import RenderedReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """The result of a job, with its remarks and its report."""

    result: JobResult
    remarks: Sequence[str]
    """Lines that are printed below the summary."""
    draw: Callable[[], "RenderedReport"]
    """Draws the report; takes seconds."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further JSON values for the record."""


def run_job(job: Job, settings: JobSettings, find: Callable[[datetime], Finding]) -> int:
    """Run a job, save and print its result, and return its exit code; 2 for cannot tell."""
    started_at = datetime.now(UTC)
    try:
        return _keep(find(started_at), job, settings, started_at)
    except (CannotTell, ModelsError) as error:
        reason = str(error)
    except Exception:  # an unexpected error must not look like a good result
        logger.exception("the %s job failed", job)
        reason = "an unexpected error. See its traceback in the log."
    result = NoVerdict(reason, _pinned_version(settings))
    _print(result.summary)
    _keep_reason(result, job, settings, started_at)
    return result.exit_code


def _keep(found: Finding, job: Job, settings: JobSettings, started_at: datetime) -> int:
    logger.info("drawing the report with Evidently")
    drawn = found.draw()
    page = run_store.path(settings.output_dir, job, started_at, ".html")
    facts = {**found.result.record, **found.facts, "report": str(page), "run_id": str(uuid.uuid4())}
    try:
        drawn.save(page)
        record = run_store.write(facts, settings.output_dir, job, started_at)
        _show(drawn, facts, job, settings)
    except OSError as error:
        raise OutputUnwritable(path=settings.output_dir, problem=error.strerror or str(error)) from error
    _print(found.result.summary, *found.remarks, f"report: {page}", f"record: {record}")
    return found.result.exit_code


def _keep_reason(result: NoVerdict, job: Job, settings: JobSettings, started_at: datetime) -> None:
    """Save the reason of a run without a verdict, as a record and on the dashboard; each of the two may fail."""
    facts = {**result.record, "report": None, "run_id": str(uuid.uuid4())}
    try:
        record = run_store.write(facts, settings.output_dir, job, started_at)
        _print(f"record: {record}")
        from monitoring.runs import report  # noqa: PLC0415  # takes seconds to import; the reason is printed before

        _show(report.draw_reason(result.reason, at=started_at), facts, job, settings)
    except OSError as error:
        _print(f"not saved: {settings.output_dir}: {error.strerror or error}")
    except Exception:  # the exit code still reports the failed run
        logger.exception("the reason could not be saved")
        _print("not added to the dashboard: an unexpected error. See its traceback in the log.")


def _show(drawn: "RenderedReport", facts: Mapping[str, Any], job: Job, settings: JobSettings) -> None:
    from monitoring.runs import dashboard  # noqa: PLC0415  # as above

    metadata = {"model_version": facts["model_version"]} if facts["model_version"] else {}
    workspace = run_store.workspace(settings.output_dir)
    dashboard.add(drawn, workspace, run_id=facts["run_id"], name=facts["verdict"], tag=job, metadata=metadata)


def _pinned_version(settings: JobSettings) -> str | None:
    try:
        return pins.read(settings.models_dir).version
    except BundleError:
        return None


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
