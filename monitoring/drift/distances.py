"""How far apart two columns are: the distances that the job decides by and that the report draws."""

import pandas as pd
from scipy import stats
from scipy.spatial import distance

from monitoring.drift.comparison import Comparison, Kind

METHODS: dict[Kind, str] = {"number": "K-S distance", "label": "Jensen-Shannon distance"}


def measure(comparison: Comparison) -> dict[str, float]:
    """Return the distance of each column that can be judged."""
    return {
        name: between(comparison.reference[name].dropna(), comparison.live[name].dropna(), comparison.kinds[name])
        for name in comparison.judged
    }


def between(reference: pd.Series, live: pd.Series, kind: Kind) -> float:
    """Measure two columns without missing values; 0 is alike, apart is 1 for numbers and 0.83 for labels."""
    if kind == "number":
        return float(stats.ks_2samp(reference, live, method="asymp").statistic)
    shares = pd.concat([side.value_counts(normalize=True) for side in (reference, live)], axis=1).fillna(0)
    return float(distance.jensenshannon(*shares.to_numpy().T))
