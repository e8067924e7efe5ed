"""The studies of `make bench-statistics`, in the order of their page."""

from collections.abc import Callable, Mapping

from benchmarks.statistics import parameters, treatment_effect
from benchmarks.statistics.study import Study

STUDIES: Mapping[str, Callable[[], Study]] = {
    "parameters": parameters.study,
    "treatment_effect": treatment_effect.study,
}
"""Name of a study to the function that makes it; each takes at most three minutes of one core."""
