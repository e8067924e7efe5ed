"""The drift job from beginning to end: is the model still asked about customers like those it learned from?

A verified bundle, readable rows, something to compare, Evidently's report, a verdict. Whatever stands in the way of one
is exit code 2, never 0. Knows nothing of the command line.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from models import bundle, checks
from models.contract import Contract
from models.errors import BundleError
from models.features import CONTRACT
from monitoring import tables
from monitoring.comparison import compare
from monitoring.errors import CannotTell, LiveFileUnnamed, NothingToJudge, TooFewRows
from monitoring.limits import find_limits
from monitoring.settings import Settings
from monitoring.verdict import Verdict

logger = logging.getLogger(__name__)

CANNOT_TELL = 2


def run_drift(settings: Settings, contract: Contract = CONTRACT) -> int:
    """Print and write what the live rows show; return 0 for no drift, 1 for drift, 2 for cannot tell."""
    try:
        return _run(settings, contract)
    except (CannotTell, BundleError) as error:
        _print(f"cannot tell: {error}")
    except Exception:  # blindness is never green, whatever its cause
        logger.exception("the drift job failed")
        _print("cannot tell: an unexpected error; the log has its traceback.")
    return CANNOT_TELL


def _run(settings: Settings, contract: Contract) -> int:
    started_at = datetime.now(UTC)
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
    page = settings.reports / f"{started_at:%Y%m%dT%H%M%S.%f}Z-drift.html"
    measured.save(page)
    measured.add_to(settings.workspace, name=verdict.word)
    record = _write_record(page, verdict, settings, started_at)
    _print(verdict.summary, *verdict.remarks, f"report: {page}", f"record: {record}")
    return verdict.exit_code


def _read_live(settings: Settings, contract: Contract) -> pd.DataFrame:
    if settings.live is None:
        raise LiveFileUnnamed
    rows = tables.read(settings.live, contract)
    if len(rows) < settings.min_rows:
        raise TooFewRows(path=settings.live, rows=len(rows), min_rows=settings.min_rows)
    return rows


def _write_record(page: Path, verdict: Verdict, settings: Settings, started_at: datetime) -> Path:
    """Write the verdict for programs, beside the page for people."""
    record = {
        "verdict": verdict.word,
        "exit_code": verdict.exit_code,
        "summary": verdict.summary,
        "model_version": verdict.model_version,
        "started_at": started_at.isoformat(),
        "finished_at": datetime.now(UTC).isoformat(),
        "live": str(settings.live),
        "live_rows": verdict.live_rows,
        "reference_rows": verdict.reference_rows,
        "columns": [
            {
                "name": score.column,
                "method": score.method,
                "distance": score.distance,
                "limit": score.limit,
                "drifted": score.drifted,
            }
            for score in verdict.scores
        ],
        "unjudged": dict(verdict.unjudged),
        "violations": dict(verdict.violations),
        "report": str(page),
    }
    path = page.with_suffix(".json")
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    return path


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
