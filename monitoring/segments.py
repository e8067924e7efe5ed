"""Quality by group of customers: each category, and each number in quarters of the sample the model learned from.

The quarters stay the same from run to run, so that segments can be followed. One that is too small has no figures, and
is named all the same. Knows nothing of how a figure is computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.contract import Columns, Contract, Feature, Mask, Vector
from monitoring import quality
from monitoring.quality import Figures
from monitoring.track_record import Outcomes

METRICS = ("roc_auc", "brier", "calibration_gap")


@dataclass(frozen=True)
class Segment:
    """Customers who have something in common."""

    name: str
    rows: int
    churned: int
    figures: Figures | None
    """None if it is too small."""


def find(
    outcomes: Outcomes, reference: Columns, contract: Contract, *, threshold: float, min_rows: int
) -> list[Segment]:
    """Measure every segment, in the contract's order; none where inputs were not kept."""
    return [
        _measure(f"{feature.name} {name}", outcomes, inside, threshold=threshold, min_rows=min_rows)
        for feature in contract.features
        if not np.isnan(values := outcomes.features[feature.name]).all()
        for name, inside in _split(feature, values, feature.encode(reference[feature.name]))
    ]


def _measure(name: str, outcomes: Outcomes, inside: Mask, *, threshold: float, min_rows: int) -> Segment:
    probability, churned = outcomes.probability[inside], outcomes.churned[inside]
    figures: Figures | None = None
    if quality.shortage(churned, min_rows=min_rows) is None:
        found = quality.realised(probability, churned, threshold=threshold)
        figures = {metric: found[metric] for metric in METRICS}
    return Segment(name, len(churned), int(churned.sum()), figures)


def _split(feature: Feature, values: Vector, reference: Vector) -> Iterator[tuple[str, Mask]]:
    if feature.kind in ("integer", "number"):
        yield from _bands(values, reference[np.isfinite(reference)])
        return
    for code, label in enumerate(feature.labels or ("false", "true")):
        yield label, values == code
    if feature.nullable:
        yield "unknown", np.isnan(values)


def _bands(values: Vector, reference: Vector) -> Iterator[tuple[str, Mask]]:
    quartiles = np.unique(np.quantile(reference, [0.25, 0.5, 0.75])) if len(reference) else reference
    inner = quartiles[quartiles > reference.min(initial=np.inf)]
    for low, high in pairwise([-np.inf, *inner, np.inf]):
        yield _band_name(low, high), (low <= values) & (values < high)


def _band_name(low: float, high: float) -> str:
    if low == -np.inf:
        return "any value" if high == np.inf else f"below {high:g}"
    return f"from {low:g}" if high == np.inf else f"{low:g} to {high:g}"
