"""The drift job from beginning to end: is the model still asked about customers like those it learned from?

A verified bundle, readable rows, something to compare, Evidently's report, a verdict. Whatever stands in the way of one
is exit code 2, never 0, and is kept beside the verdicts, so that a blind monitor does not look like its last good
day. Knows nothing of the command line.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from models import bundle, checks
from models.contract import Contract
from models.errors import BundleError
from models.features import CONTRACT
from monitoring import tables
from monitoring.comparison import compare
from monitoring.errors import CannotTell, LiveFileUnnamed, NothingToJudge, OutputUnwritable, TooFewRows
from monitoring.limits import find_limits
from monitoring.settings import Settings
from monitoring.verdict import CANNOT_TELL, Verdict

logger = logging.getLogger(__name__)


def run_drift(settings: Settings, contract: Contract = CONTRACT) -> int:
    """Print and keep what the live rows show; return 0 for no drift, 1 for drift, 2 for cannot tell."""
    started_at = datetime.now(UTC)
    try:
        return _run(settings, contract, started_at)
    except (CannotTell, BundleError) as error:
        reason = str(error)
    except Exception:  # blindness is never green, whatever its cause
        logger.exception("the drift job failed")
        reason = "an unexpected error; the log has its traceback."
    _print(f"cannot tell: {reason}")
    _keep_reason(reason, settings, started_at)
    return CANNOT_TELL


def _run(settings: Settings, contract: Contract, started_at: datetime) -> int:
    model = bundle.load(settings.models_dir, fingerprint=contract.fingerprint)
    reference = tables.read(model.path(bundle.REFERENCE), contract)
    live = _read_live(settings, contract)
    comparison = compare(contract, reference, live)
    if not comparison.judged:
        raise NothingToJudge(reasons=comparison.unjudged)
    limits = find_limits(comparison, false_alarm_rate=settings.false_alarm_rate, min_distance=settings.min_distance)
    logger.info("measuring %d columns with Evidently", len(limits))
    from monitoring import report  # noqa: PLC0415  # takes seconds to import; no refusal above waits for it

    measured = report.run(comparison, limits, model_version=model.manifest.version, at=started_at)
    verdict = Verdict(
        scores=measured.scores,
        unjudged=comparison.unjudged,
        violations={rule: int(broken.sum()) for rule, broken in checks.find_violations(contract, live).items()},
        live_rows=len(live),
        reference_rows=len(reference),
        model_version=model.manifest.version,
    )
    page = _path(settings, started_at, ".html")
    try:
        measured.save(page)
        record = _write_record(verdict.record | {"report": str(page)}, settings, started_at)
        measured.add_to(settings.workspace, name=verdict.word)
    except OSError as error:
        raise OutputUnwritable(path=settings.output_dir, problem=error.strerror or str(error)) from error
    _print(verdict.summary, *verdict.remarks, f"report: {page}", f"record: {record}")
    return verdict.exit_code


def _read_live(settings: Settings, contract: Contract) -> pd.DataFrame:
    if settings.live is None:
        raise LiveFileUnnamed
    rows = tables.read(settings.live, contract)
    if len(rows) < settings.min_rows:
        raise TooFewRows(path=settings.live, rows=len(rows), min_rows=settings.min_rows)
    return rows


def _keep_reason(reason: str, settings: Settings, started_at: datetime) -> None:
    """Keep why a run could not tell, as a record and as a run on the dashboard; both may fail in their turn."""
    version = _pinned_version(settings)
    facts = {"verdict": "cannot tell", "exit_code": CANNOT_TELL, "reason": reason, "model_version": version}
    try:
        record = _write_record(facts | {"report": None}, settings, started_at)
        _print(f"record: {record}")
        from monitoring import report  # noqa: PLC0415  # takes seconds to import; the reason has been said by now

        report.add_blind_run(
            settings.workspace, name="cannot tell", reason=reason, model_version=version, at=started_at
        )
    except OSError as error:
        _print(f"not kept: {settings.output_dir}: {error.strerror or error}")
    except Exception:  # the exit code still says it
        logger.exception("the reason could not be kept")
        _print("not kept on the dashboard: an unexpected error; the log has its traceback.")


def _pinned_version(settings: Settings) -> str | None:
    try:
        return bundle.read_pin(settings.models_dir).version
    except BundleError:
        return None


def _write_record(facts: dict[str, Any], settings: Settings, started_at: datetime) -> Path:
    """Write what was found for programs, beside the page for people."""
    record = facts | {
        "started_at": started_at.isoformat(),
        "finished_at": datetime.now(UTC).isoformat(),
        "live": str(settings.live) if settings.live else None,
    }
    path = _path(settings, started_at, ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    return path


def _path(settings: Settings, started_at: datetime, ending: str) -> Path:
    return settings.reports / f"{started_at:%Y%m%dT%H%M%S.%f}Z-drift{ending}"


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
