"""The performance job: compares the pinned model's quality on live outcomes with its test-set figures.

If there are too few outcomes, the result has only the figures expected from the probabilities, and the exit code is 2.
"""

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from models.bundles import bundle, quality, segments
from models.bundles.bundle import Bundle
from models.bundles.format import bundle_files
from models.customer.contract import Contract, Labels
from models.features import CONTRACT
from models.log import connections, reporters
from monitoring.log import customer_files
from monitoring.losses import repair
from monitoring.quality import labelled_predictions, performance_checks, treatment_effect
from monitoring.quality.performance_result import PerformanceResult
from monitoring.runs import looks, run
from monitoring.runs.heading import Heading
from monitoring.runs.run import Finding
from monitoring.settings import PerformanceSettings

if TYPE_CHECKING:
    from monitoring.runs.report import RenderedReport

logger = logging.getLogger(__name__)

_REFERENCE_ROWS = 50_000


def run_performance(settings: PerformanceSettings, contract: Contract = CONTRACT) -> int:
    """Run the job, print and save its result; return 0 for as good as promised, 1 for fallen, 2 for cannot tell."""
    return run.run_job("performance", settings, lambda now: find(settings, contract, now))


def find(settings: PerformanceSettings, contract: Contract, now: datetime) -> Finding:
    """Assess the pinned model, and return the result with its remarks and its report.

    Raises:
        CannotTell, ModelsError: the window is invalid, there is no log, or the pinned bundle cannot be loaded.
    """
    look = looks.find("performance", settings, now)
    found = assess(settings, contract, now, false_alarm_rate=look.false_alarm_rate)

    def draw(top: Heading) -> "RenderedReport":
        from monitoring.runs import report  # noqa: PLC0415  # takes seconds to import; the errors above come first

        return report.draw_performance(found, top)

    if not found.checks:
        return Finding(found, found.remarks, draw)
    return Finding(found, [*found.remarks, look.remark], draw, facts={**look.facts, "remarks": [look.remark]})


def assess(
    settings: PerformanceSettings, contract: Contract, now: datetime, *, false_alarm_rate: float | None = None
) -> PerformanceResult:
    """Compare the outcomes of a period's predictions with the test-set figures in the manifest.

    `false_alarm_rate` is that of this run; None for that of a single check.

    Raises:
        CannotTell, ModelsError: the window is invalid, there is no log, or the pinned bundle cannot be loaded.
    """
    period = settings.period(now)
    model = bundle.load(settings.models_dir, contract=contract)
    manifest, contract = model.manifest, model.today
    with connections.connection(settings.log_url) as opened:
        trusted = reporters.parse(settings.trusted_reporters)
        track = labelled_predictions.read(
            opened, period, model_version=manifest.version, contract=contract, trusted=trusted
        )
        arms = treatment_effect.read(opened, period, model_version=manifest.version, trusted=trusted)
    found = PerformanceResult(
        model_version=manifest.version,
        period=period,
        policy=manifest.policy,
        track=track,
        reference=performance_checks.reference(manifest),
        promises_calibration=manifest.has_recalibration,
        estimated=quality.estimated(track.probability, manifest.policy),
        reason=_shortage(track.outcomes.churned, settings.min_rows),
    )
    rate = settings.false_alarm_rate if false_alarm_rate is None else false_alarm_rate
    # A run without checks is no look, so it spends no false alarms.
    effects = treatment_effect.of_tiers(arms, manifest.policy.costs, false_alarm_rate=None if found.reason else rate)
    outcomes = None if found.reason else (track.outcomes.probability, track.outcomes.churned)
    proposal = repair.find(
        manifest, track.probability, outcomes, trusted=settings.trusted_reporters, min_rows=settings.min_rows
    )
    found = replace(found, repair=proposal, effects=effects)
    return found if found.reason else _judge(found, model, settings, contract, rate)


def _shortage(churned: Labels, min_rows: int) -> str | None:
    missing = quality.shortage(churned, min_rows=min_rows)
    return missing and f"{missing}. Report outcomes, wait for more, or choose a longer window with --since."


def _judge(
    found: PerformanceResult, model: Bundle, settings: PerformanceSettings, contract: Contract, rate: float
) -> PerformanceResult:
    outcomes, policy = found.track.outcomes, found.policy
    logger.info("measuring %s outcomes", f"{len(outcomes.churned):,}")
    live = quality.measured(outcomes.probability, outcomes.churned, policy)
    checks = performance_checks.check(
        live,
        found.reference,
        quality.chance_calibration_error(outcomes.probability, policy, rate=rate / performance_checks.CHECKS),
        false_alarm_rate=rate,
        min_fall=settings.min_fall,
        min_calibration_error=settings.min_calibration_error,
    )
    sample = customer_files.read_of_bundle(model, bundle_files.REFERENCE, contract, rows=_REFERENCE_ROWS)
    compared = [feature for feature in contract.features if feature.name in model.contract.names_set]
    parts = segments.find(
        [(one, outcomes.features[one.name], one.encode(sample[one.name])) for one in compared],
        probability=outcomes.probability,
        churned=outcomes.churned,
        policy=policy,
        min_rows=settings.min_rows,
    )
    expected = quality.estimated(outcomes.probability, policy)
    fell = any(check.broken for check in checks if check.metric == "calibration_error")
    mended = found.repair and replace(found.repair, calibration_fell=fell)
    return replace(found, live=live, expected=expected, checks=checks, segments=tuple(parts), repair=mended)
