"""The studies of `make bench-statistics`, in the order of their page."""

from collections.abc import Callable, Mapping

from benchmarks.statistics import (
    bounds_study,
    calibration_study,
    compare_live,
    drift_costs,
    drift_levels,
    drift_looks,
    drift_multivariate,
    gate_power,
    interval_study,
    moved_rate,
    parameters,
    treatment_effect,
)
from benchmarks.statistics.study import Study

STUDIES: Mapping[str, Callable[[], Study]] = {
    "gate_power": gate_power.make,
    "calibration": calibration_study.make,
    "intervals": interval_study.make,
    "bounds": bounds_study.make,
    "recalibration": moved_rate.make,
    "drift_costs": drift_costs.make,
    "drift_levels": drift_levels.make,
    "drift_looks": drift_looks.make,
    "drift_multivariate": drift_multivariate.make,
    "compare_live": compare_live.study,
    "parameters": parameters.study,
    "treatment_effect": treatment_effect.study,
}
"""Name of a study to the function that makes it; each takes at most three minutes of one core."""
