"""Intervals of a mean that hold at every look, so that a trial may be looked at daily and stopped at any time.

They are asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, arXiv 2103.06476,
theorem 2.2): with probability 1 - level, the true mean is in all of them at once, from a few hundred rows on. They are
narrowest at a horizon that is chosen before the trial, and 1.5 times as wide there as an interval for one look.
"""

import math
from functools import cache


def half_width(rows: int, deviation: float, *, level: float, horizon_rows: int) -> float:
    """Return half the width of the interval of a mean of `rows` values with this standard deviation.

    >>> round(half_width(5_000, 1, level=0.05, horizon_rows=5_000), 4)
    0.0428
    >>> round(1.96 / 5_000**0.5, 4)  # for one look
    0.0277
    """
    scaled = rows * _scaled_horizon(level) / horizon_rows  # rows times the square of the paper's rho
    return deviation * math.sqrt((1 + 1 / scaled) / rows * (math.log1p(scaled) - 2 * math.log(level)))


@cache
def _scaled_horizon(level: float) -> float:
    """Return the x = horizon * rho**2 that makes the interval narrowest there: x = log(1 + x) - 2 log(level)."""
    found = 1.0
    for _ in range(100):
        found = math.log1p(found) - 2 * math.log(level)
    return found
