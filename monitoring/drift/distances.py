"""Distances between the two sides of a column, for the verdict of the drift job and for its report."""

import numpy as np
from scipy.spatial import distance

from monitoring.drift.column_pair import Kind, LabelPair, NumberPair, Pair
from monitoring.drift.comparison import Comparison

METHODS: dict[Kind, str] = {"number": "K-S distance", "label": "Jensen-Shannon distance"}


def measure(comparison: Comparison) -> dict[str, float]:
    """Return the distance of each column that can be compared."""
    return {name: between(comparison.pairs[name]) for name in comparison.judged}


def between(pair: Pair) -> float:
    """Return the distance of two sides that both have rows: from 0 (same) to 1 for numbers and 0.83 for labels."""
    return kolmogorov_smirnov(pair) if isinstance(pair, NumberPair) else jensen_shannon(pair)


def kolmogorov_smirnov(pair: NumberPair) -> float:
    """Return the largest difference of the cumulative shares: exactly that of all rows, from 0 to 1."""
    reference, live = (np.cumsum(side) / side.sum() for side in (pair.reference, pair.live))
    return float(np.abs(reference - live).max())


def jensen_shannon(pair: LabelPair) -> float:
    """Return the distance of the labels' shares, from 0 to 0.83."""
    return float(distance.jensenshannon(*pair.counts))  # it makes shares of them
