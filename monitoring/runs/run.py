"""A run of a job from beginning to end: what it finds is drawn, recorded, shown on the dashboard and printed.

Whatever stands in the way of a verdict is exit code 2, never 0, and is kept beside the verdicts, so that a blind
monitor does not look like its last good day.
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
    from monitoring.runs.report import Drawn

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """A result, and what a run does with it."""

    result: JobResult
    remarks: Sequence[str]
    """For people, a line each, below the summary."""
    draw: Callable[[], "Drawn"]
    """Draws the report; takes seconds."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the record holds besides the result, as JSON values."""


def carry_out(job: Job, settings: JobSettings, find: Callable[[datetime], Finding]) -> int:
    """Let a job look, keep and print what it found, and return its exit code; 2 for cannot tell."""
    started_at = datetime.now(UTC)
    try:
        return _keep(find(started_at), job, settings, started_at)
    except (CannotTell, ModelsError) as error:
        reason = str(error)
    except Exception:  # blindness is never green, whatever its cause
        logger.exception("the %s job failed", job)
        reason = "an unexpected error; the log has its traceback."
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
    """Keep why a run could not tell, as a record and as a run on the dashboard; both may fail in their turn."""
    facts = {**result.record, "report": None, "run_id": str(uuid.uuid4())}
    try:
        record = run_store.write(facts, settings.output_dir, job, started_at)
        _print(f"record: {record}")
        from monitoring.runs import report  # noqa: PLC0415  # takes seconds to import; the reason has been said by now

        _show(report.draw_reason(result.reason, at=started_at), facts, job, settings)
    except OSError as error:
        _print(f"not kept: {settings.output_dir}: {error.strerror or error}")
    except Exception:  # the exit code still says it
        logger.exception("the reason could not be kept")
        _print("not kept on the dashboard: an unexpected error; the log has its traceback.")


def _show(drawn: "Drawn", facts: Mapping[str, Any], job: Job, settings: JobSettings) -> None:
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
