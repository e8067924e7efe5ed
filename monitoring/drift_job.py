"""The drift job: compares live rows with the training sample of the pinned model."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.customer.contract import Contract
from models.features import CONTRACT
from monitoring.drift import baseline, live_rows
from monitoring.drift.baseline import Baseline
from monitoring.drift.drift_detection import detect
from monitoring.drift.drift_result import DriftResult
from monitoring.drift.live_rows import LiveRows
from monitoring.drift.row_counts import PREDICTION
from monitoring.losses import window_loss
from monitoring.losses.drift_loss import DriftLoss
from monitoring.runs import looks, run
from monitoring.runs.heading import Heading
from monitoring.runs.run import Finding
from monitoring.settings import DriftSettings

if TYPE_CHECKING:
    from monitoring.runs.report import RenderedReport


def run_drift(settings: DriftSettings, contract: Contract = CONTRACT) -> int:
    """Run the job, print and save its result; return 0 for no drift, 1 for drift, 2 for cannot tell."""
    return run.run_job("drift", settings, lambda now: find(settings, contract, now))


def find(settings: DriftSettings, contract: Contract, now: datetime) -> Finding:
    """Compare live rows with a sample of the pinned model's training rows.

    Raises:
        CannotTell, ModelsError: there are no live rows to check, or the pinned bundle cannot be loaded.
    """
    model = bundle.load(settings.models_dir, contract=contract)
    reference = baseline.load(model, model.today, rows=settings.sample_rows)
    rows = live_rows.read(settings, reference, now)
    look = looks.find("drift", settings, now)
    comparison, result = detect(reference, rows, settings, false_alarm_rate=look.false_alarm_rate)
    loss = _loss(model, reference, rows, result, settings) if result.verdict == "drift" else None
    remarks = [*(loss.remarks if loss else ()), *result.remarks, *rows.remarks, look.remark]

    def draw(top: Heading) -> "RenderedReport":
        from monitoring.runs import report  # noqa: PLC0415  # takes seconds to import; the errors above come first

        return report.draw_drift(comparison, result, remarks, top)

    live_file = str(settings.live) if settings.live else None
    return Finding(
        result,
        remarks,
        draw,
        facts={**rows.facts, **look.facts, "remarks": remarks, "live": live_file}
        | ({"loss": loss.record} if loss else {}),
    )


def _loss(
    model: Bundle, reference: Baseline, rows: LiveRows, result: DriftResult, settings: DriftSettings
) -> DriftLoss | None:
    drifted = dict.fromkeys(score.feature for score in result.drifted if score.feature)
    return window_loss.find(
        model,
        reference.compared,
        replace(reference, contract=reference.compared).predict,
        (rows.table, rows.table[PREDICTION].to_numpy()),
        list(drifted),
        min_loss_fraction=settings.min_loss_fraction,
    )
