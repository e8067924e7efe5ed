"""The studies of `make bench-statistics`, in the order of their page."""

from collections.abc import Callable, Mapping

from benchmarks.statistics.studies import (
    bounds,
    calibration,
    canary_requests,
    canary_steps,
    compare_live,
    decisions,
    drift_costs,
    drift_levels,
    drift_looks,
    drift_multivariate,
    gate_power,
    intervals,
    parameters,
    performance_looks,
    recalibration,
    treatment_effect,
)
from benchmarks.statistics.study import Study

STUDIES: Mapping[str, Callable[[], Study]] = {
    "intervals": intervals.make,
    "calibration": calibration.make,
    "bounds": bounds.make,
    "decisions": decisions.make,
    "parameters": parameters.make,
    "gate_power": gate_power.make,
    "compare_live": compare_live.make,
    "canary_steps": canary_steps.make,
    "canary_requests": canary_requests.make,
    "treatment_effect": treatment_effect.make,
    "recalibration": recalibration.make,
    "drift_levels": drift_levels.make,
    "drift_looks": drift_looks.make,
    "drift_multivariate": drift_multivariate.make,
    "drift_costs": drift_costs.make,
    "performance_looks": performance_looks.make,
}
"""Name of a study to the function that makes it; each takes at most three minutes of one core."""
