"""Distances between two columns, for the verdict of the drift job and for its report."""

import pandas as pd
from scipy import stats
from scipy.spatial import distance

from monitoring.drift.comparison import Comparison, Kind

METHODS: dict[Kind, str] = {"number": "K-S distance", "label": "Jensen-Shannon distance"}


def measure(comparison: Comparison) -> dict[str, float]:
    """Return the distance of each column that can be compared."""
    return {
        name: between(comparison.reference[name].dropna(), comparison.live[name].dropna(), comparison.kinds[name])
        for name in comparison.judged
    }


def between(reference: pd.Series, live: pd.Series, kind: Kind) -> float:
    """Return the distance of two columns without missing values: from 0 (same) to 1 for numbers and 0.83 for labels."""
    if kind == "number":
        return float(stats.ks_2samp(reference, live, method="asymp").statistic)
    shares = pd.concat([side.value_counts(normalize=True) for side in (reference, live)], axis=1).fillna(0)
    return float(distance.jensenshannon(*shares.to_numpy().T))
