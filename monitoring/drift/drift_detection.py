"""Compares the live rows with the baseline, column by column, and decides whether they drifted.

The drift job and the measurement of its error rates both use this code.
"""

from collections.abc import Iterator
from dataclasses import replace

from monitoring.drift import distances, domain_classifier, row_counts
from monitoring.drift.baseline import Baseline
from monitoring.drift.comparison import Comparison, compare
from monitoring.drift.drift_result import ColumnDrift, DriftResult
from monitoring.drift.joint_drift import JointDrift
from monitoring.drift.limits import find_limits
from monitoring.drift.live_rows import LiveRows
from monitoring.drift.row_counts import PREDICTION, RowCounts
from monitoring.errors import NothingToCompare
from monitoring.settings import DriftSettings

_NO_INPUTS = "no row has the inputs of this contract"
_NO_PREDICTIONS_OF_LOG = (
    "If this model was pinned recently, wait for more predictions, or start the window when it was pinned, with --from."
)
_NO_PREDICTIONS_OF_ROWS = (
    "Rows that break a rule of the contract, as listed below, have none: correct them, or add rows."
)


def detect(
    baseline: Baseline, live: LiveRows, settings: DriftSettings, *, false_alarm_rate: float | None = None
) -> tuple[Comparison, DriftResult]:
    """Decide whether the live rows drifted from the baseline.

    `false_alarm_rate` is that of this run; None for that of a single check.

    Raises:
        NothingToCompare: no column can be compared.
    """
    compared = baseline.compared if live.inputs_kept else replace(baseline.contract, features=())
    counted = live.counts or row_counts.count(
        compared,
        live.table,
        row_counts.points(compared, baseline.table),
        rules_of=baseline.contract if live.inputs_kept else None,
    )
    rate = settings.false_alarm_rate if false_alarm_rate is None else false_alarm_rate
    comparison = compare(compared, baseline.table, live.table, counted)
    if not comparison.judged:
        raise NothingToCompare(reasons=comparison.unjudged)
    part = rate / (len(comparison.judged) + 1)
    scores = _score(comparison, baseline, false_alarm_rate=rate - part, min_distance=settings.min_distance)
    drifted = {score.feature for score in scores if score.drifted and score.feature}
    joint = (
        domain_classifier.check(
            compared,
            baseline.table,
            live.table,
            without=drifted,
            false_alarm_rate=part,
            min_distance=settings.min_distance,
        )
        if live.inputs_kept
        else _NO_INPUTS
    )
    return comparison, DriftResult(
        scores=scores,
        min_drift_share=settings.min_drift_share,
        unjudged={**comparison.unjudged, **baseline.not_compared},
        violations={rule: rows for rule, rows in counted.rules.items() if rows},
        window_rows=live.rows,
        judged_rows=counted.rows,
        reference_rows=len(baseline.table),
        model_version=baseline.scorer.version,
        joint=joint if isinstance(joint, JointDrift) else None,
        unclassified=joint if isinstance(joint, str) else None,
        importance=baseline.importance,
        reason=" ".join(_doubts(live, counted, settings, baseline.scorer.version)) or None,
    )


def _doubts(live: LiveRows, counted: RowCounts, settings: DriftSettings, version: str) -> Iterator[str]:
    if not live.inputs_kept:
        yield (
            "no row has the inputs of this contract. Set SERVICE_LOG_INPUTS=plain for the service, so that it logs "
            "them, or check a file with --live."
        )
    elif (predicted := int(counted.columns[PREDICTION].cells.sum())) < settings.min_rows:
        yield (
            f"{predicted:,} of {counted.rows:,} rows have a prediction of model {version}, at least "
            f"{settings.min_rows:,} are needed. {_NO_PREDICTIONS_OF_ROWS if live.counts else _NO_PREDICTIONS_OF_LOG}"
        )
    if live.counts and counted.broken > settings.max_refused_share * counted.rows:
        yield (
            f"{counted.broken:,} of {counted.rows:,} rows break a rule of the contract, as listed below; more than "
            f"{settings.max_refused_share:.0%} are too many. Correct the rows or the columns file, or widen the fields "
            "in models/features.py and train again."
        )
    if (live.traffic.refused_share or 0) > settings.max_refused_share:
        yield (
            f"{live.traffic.refusals}. More than {settings.max_refused_share:.0%} are refused, and the log has no row "
            "of them. Correct the clients, or widen the fields in models/features.py and train again."
        )


def _score(
    comparison: Comparison, baseline: Baseline, *, false_alarm_rate: float, min_distance: float
) -> tuple[ColumnDrift, ...]:
    measured = distances.measure(comparison)
    limits = find_limits(comparison, false_alarm_rate=false_alarm_rate, min_distance=min_distance)
    return tuple(
        ColumnDrift(
            column=name,
            feature=(feature := comparison.features.get(name)),
            importance=baseline.importance[feature] if feature else None,
            method=distances.METHODS[comparison.kinds[name]],
            distance=distance,
            limit=limits[name],
        )
        for name, distance in measured.items()
    )
