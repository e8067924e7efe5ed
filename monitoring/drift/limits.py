"""The limit of each column: the distance from which on the column has drifted.

The limit is the larger of two distances: the one that chance alone reaches between samples of these sizes, and the
smallest one that matters. The first prevents false alarms in small windows, the second in large ones. The false alarm
rate of a run is divided by the number of columns (Bonferroni).
"""

import math

from scipy import stats

from monitoring.drift.column_pair import NumberPair
from monitoring.drift.comparison import Comparison


def find_limits(comparison: Comparison, *, false_alarm_rate: float, min_distance: float) -> dict[str, float]:
    """Return the limit of each compared column: of the K-S distance for numbers, of the Jensen-Shannon for labels."""
    judged = comparison.judged
    return {name: max(min_distance, _chance(comparison, name, false_alarm_rate / len(judged))) for name in judged}


def kolmogorov_smirnov(rows: float, rate: float) -> float:
    """Return the K-S distance that unchanged columns reach with probability `rate`, from Kolmogorov's distribution."""
    return float(stats.kstwo.isf(rate, max(1, round(rows))))


def jensen_shannon(rows: float, labels: int, rate: float) -> float:
    """Return the Jensen-Shannon distance that unchanged columns reach with probability `rate`.

    Eight times the rows times the squared distance is approximately chi-square distributed (Menéndez, Pardo, Pardo and
    Pardo 1997, "The Jensen-Shannon divergence"). The result is too low if many labels have fewer than about five
    expected live rows.
    """
    return math.sqrt(stats.chi2.isf(rate, labels - 1) / (8 * rows))


def _chance(comparison: Comparison, name: str, rate: float) -> float:
    pair = comparison.pairs[name]
    reference, live = pair.rows
    rows = reference * live / (reference + live)  # effective sample size of two samples
    if isinstance(pair, NumberPair):
        return kolmogorov_smirnov(rows, rate)
    return jensen_shannon(rows, len(pair.labels), rate)
