"""The studies of `make bench-statistics`, in the order of their page."""

from collections.abc import Callable, Mapping

from benchmarks.statistics import drift_levels, drift_looks, drift_multivariate
from benchmarks.statistics.study import Study

STUDIES: Mapping[str, Callable[[], Study]] = {
    "drift_levels": drift_levels.make,
    "drift_looks": drift_looks.make,
    "drift_multivariate": drift_multivariate.make,
}
"""Name of a study to the function that makes it; each takes at most three minutes of one core."""
