"""The figures that the dashboard plots over all runs."""

from collections.abc import Mapping

from models.bundles.quality import Figures
from monitoring.drift.drift_result import DriftResult
from monitoring.quality.performance_result import PerformanceResult

Trend = Mapping[str, Mapping[str, float]]
"""Group to name to value; a run leaves out figures that it could not measure."""


def of_drift(result: DriftResult) -> Trend:
    """Return the figures of a run of the drift job."""
    return {
        "drift": {"share": result.drift_share, "columns": len(result.drifted)},
        "input": {score.column: score.ratio for score in result.drawn if score.feature},
        "prediction": {score.column: score.ratio for score in result.drawn if not score.feature},
        "limit": {"share": result.min_drift_share, "distance": 1},
        "rows": {"judged": result.judged_rows},
    }


def of_performance(found: PerformanceResult) -> Trend:
    """Return the figures of a run of the performance job."""
    return {
        "live": _values(found.live),
        "low": {"roc_auc": found.live["roc_auc"].low} if found.live else {},
        "estimated": _values(found.estimated),
        "reference": _values(found.reference),
        "fall": {check.metric: check.ratio for check in found.checks},
        "limit": {"fall": 1} if found.checks else {},
        "rows": {"predicted": found.track.window_rows, "observed": found.track.outcomes_rows},
    }


def _values(figures: Figures | None) -> dict[str, float]:
    return {name: figure.value for name, figure in (figures or {}).items()}
