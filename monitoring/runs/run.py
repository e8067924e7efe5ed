"""Runs a job: draws its report, writes its record, adds it to the dashboard and prints the summary.

On any error the exit code is 2, never 0, and the reason is saved as a run of its own, so that a failing job does not
look like its last good run.
"""

import logging
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from models import plain_text
from models.addresses import redact_passwords
from models.bundles import pins
from models.errors import BundleError, ModelsError
from models.log import connections
from models.log.errors import LogError
from models.log.partitions import strays
from monitoring.errors import CannotTell, OutputUnwritable, PeriodInvalid
from monitoring.job_result import JobResult, NoVerdict
from monitoring.runs import run_store
from monitoring.runs.heading import Heading
from monitoring.runs.run_store import Job
from monitoring.settings import DriftSettings, JobSettings, PerformanceSettings

if TYPE_CHECKING:
    from monitoring.runs.report import RenderedReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """The result of a job, with its remarks and its report."""

    result: JobResult
    remarks: Sequence[str]
    """Lines that are printed below the summary."""
    draw: Callable[[Heading], "RenderedReport"]
    """Draws the report below its heading; takes seconds."""
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
    drawn = found.draw(_heading(found.result, job, settings, started_at))
    page = run_store.path(settings.output_dir, job, started_at, ".html")
    facts = {
        **found.result.record,
        **_sources(settings),
        **_log_health(settings, started_at),
        **found.facts,
        "report": str(page),
        "run_id": str(uuid.uuid4()),
    }
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
    known = {**_sources(settings), **_log_health(settings, started_at)}
    facts: dict[str, Any] = {**result.record, **known, "report": None, "run_id": str(uuid.uuid4())}
    if isinstance(settings, DriftSettings) and settings.live:
        facts["live"] = str(settings.live)
    else:
        with suppress(PeriodInvalid):
            period = settings.period(started_at)
            facts |= {"from": period.start.isoformat(), "to": period.end.isoformat()}
    try:
        record = run_store.write(facts, settings.output_dir, job, started_at)
        _print(f"record: {record}")
        from monitoring.runs import report  # noqa: PLC0415  # takes seconds to import; the reason is printed before

        _show(report.draw_reason(_heading(result, job, settings, started_at)), facts, job, settings)
    except OSError as error:
        _print(f"not saved: {settings.output_dir}: {error.strerror or error}")
    except Exception:  # the exit code still reports the failed run
        logger.exception("the reason could not be saved")
        _print("not added to the dashboard: an unexpected error. See its traceback in the log.")


def _heading(result: JobResult, job: Job, settings: JobSettings, started_at: datetime) -> Heading:
    checked = _checked(settings, started_at)
    return Heading(job, started_at, result.verdict, result.summary, checked, result.model_version, settings.output_dir)


def _checked(settings: JobSettings, started_at: datetime) -> str:
    """Return the file, the folder or the period that is checked."""
    if isinstance(settings, DriftSettings) and settings.live:
        return f"the rows of {settings.live}"
    try:
        return str(settings.period(started_at))
    except PeriodInvalid as error:
        return str(error)


def _sources(settings: JobSettings) -> dict[str, Any]:
    """Return the log and the trusted reporters, for whoever retrains on what the run looked at, and who chose when."""
    if isinstance(settings, DriftSettings) and settings.live:
        return {}
    trusted = settings.trusted_reporters if isinstance(settings, PerformanceSettings) else None
    return {
        "log_url": redact_passwords(settings.log_url),
        "trusted_reporters": trusted,
        "chosen_window": settings.has_chosen_window,
    }


def _log_health(settings: JobSettings, now: datetime) -> dict[str, Any]:
    """Return whether a partitioned log has its partitions, None for another log, or why that cannot be told.

    Only drift runs over the log look: it reads up to a million rows of each table.
    """
    if not isinstance(settings, DriftSettings) or settings.live:
        return {}
    try:
        with connections.connection(settings.log_url) as connection:
            found = strays.health(connection, now)
    except LogError as error:
        return {"log_problem": redact_passwords(str(error))}
    return {"log": None if found is None else asdict(found)}


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
    sys.stdout.write(plain_text.printable("\n".join(lines)) + "\n")
    sys.stdout.flush()
