"""How far a column may lie from its reference before that counts as drift.

A distance must pass two limits: what chance alone reaches between samples of these sizes, and the smallest distance
that matters. The first keeps small windows calm, the second large ones. The false alarms that a run may raise are
shared out over its columns (Bonferroni).
"""

import math

import pandas as pd
from scipy import stats

from monitoring.drift.comparison import Comparison


def find_limits(comparison: Comparison, *, false_alarm_rate: float, min_distance: float) -> dict[str, float]:
    """Return the limit of each judged column: of its K-S distance if it holds numbers, else of its Jensen-Shannon."""
    judged = comparison.judged
    return {name: max(min_distance, _chance(comparison, name, false_alarm_rate / len(judged))) for name in judged}


def kolmogorov_smirnov(rows: float, rate: float) -> float:
    """K-S distance that unchanged columns reach with probability `rate`, from Kolmogorov's distribution."""
    return float(stats.kstwo.isf(rate, max(1, round(rows))))


def jensen_shannon(rows: float, labels: int, rate: float) -> float:
    """Jensen-Shannon distance that unchanged columns reach with probability `rate`.

    Its square times eight times the rows is close to chi-square distributed (Menéndez, Pardo, Pardo and Pardo 1997,
    "The Jensen-Shannon divergence"); too low where many labels are expected in fewer than some five live rows.
    """
    return math.sqrt(stats.chi2.isf(rate, labels - 1) / (8 * rows))


def _chance(comparison: Comparison, name: str, rate: float) -> float:
    reference, live = comparison.reference[name].dropna(), comparison.live[name].dropna()
    rows = len(reference) * len(live) / (len(reference) + len(live))  # two samples count as one of this many rows
    if comparison.kinds[name] == "number":
        return kolmogorov_smirnov(rows, rate)
    return jensen_shannon(rows, pd.concat([reference, live]).nunique(), rate)
