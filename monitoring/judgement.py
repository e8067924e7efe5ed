"""From two samples to a verdict: put side by side, measured, held against limits and weighed.

The drift job decides by this, and its error rates are measured with this. Knows nothing of files, logs or Evidently.
"""

from models import checks
from monitoring import distances
from monitoring.baseline import Baseline
from monitoring.comparison import Comparison, compare
from monitoring.errors import NothingToJudge
from monitoring.limits import find_limits
from monitoring.live import Live
from monitoring.settings import DriftSettings
from monitoring.verdict import Score, Verdict


def judge(baseline: Baseline, live: Live, settings: DriftSettings) -> tuple[Comparison, Verdict]:
    """Decide whether live rows still are like the baseline's.

    Raises:
        NothingToJudge: no column can be compared.
    """
    comparison = compare(baseline.contract, baseline.table, live.table)
    if not comparison.judged:
        raise NothingToJudge(reasons=comparison.unjudged)
    violations = checks.find_violations(baseline.contract, live.table)
    return comparison, Verdict(
        scores=_score(comparison, baseline, settings),
        min_drift_share=settings.min_drift_share,
        unjudged=comparison.unjudged,
        violations={rule: int(broken.sum()) for rule, broken in violations.items()},
        window_rows=live.rows,
        judged_rows=len(live.table),
        reference_rows=len(baseline.table),
        model_version=baseline.scorer.version,
    )


def _score(comparison: Comparison, baseline: Baseline, settings: DriftSettings) -> tuple[Score, ...]:
    measured = distances.measure(comparison)
    limits = find_limits(comparison, false_alarm_rate=settings.false_alarm_rate, min_distance=settings.min_distance)
    return tuple(
        Score(
            column=name,
            feature=(feature := comparison.features.get(name)),
            importance=baseline.importance[feature] if feature else None,
            method=distances.METHODS[comparison.kinds[name]],
            distance=distance,
            limit=limits[name],
        )
        for name, distance in measured.items()
    )
