"""Quality by segment: by category, and by quartile of each number in the training sample.

The quartiles stay the same from run to run, so segments can be compared over time. A segment that is too small is
listed without figures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.bundles import quality
from models.bundles.quality import Figures
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Mask, Vector
from models.customer.feature import Feature
from models.customer.kinds.learned_levels import NEW

SHOWN_LEVELS, OTHER_LEVELS = 10, "other levels"
"""The most frequent levels of an open category are segments of their own; all others are together."""
METRICS = ("roc_auc", "brier", "calibration_gap", "selection_rate", "recall")


@dataclass(frozen=True)
class Segment:
    """A group of customers with the same category, or with values in the same range."""

    feature: str
    values: str
    """Category or range of the feature, in words."""
    rows: int
    churned: int
    figures: Figures | None
    """None if the segment is too small."""

    @property
    def name(self) -> str:
        """Feature and values, in words."""
        return f"{self.feature} {self.values}"


def find(
    columns: Iterable[tuple[Feature, Vector, Vector]],
    *,
    probability: Vector,
    churned: Labels,
    policy: RiskPolicy,
    min_rows: int,
    customers: Labels | None = None,
) -> list[Segment]:
    """Measure every segment, in the order of the columns; columns with only unknown values have no segments.

    A column is a feature, its values (n,), and its values in the training sample, both encoded by `Feature.encode`.
    `customers` (n,) has the customer of each row; None if each row is of a customer of its own.
    """
    return [
        _measure(
            feature.name,
            name,
            probability[inside],
            churned[inside],
            policy=policy,
            min_rows=min_rows,
            customers=None if customers is None else customers[inside],
        )
        for feature, values, reference in columns
        if not np.isnan(values).all()
        for name, inside in split(feature, values, reference)
    ]


def _measure(
    feature: str,
    values: str,
    probability: Vector,
    churned: Labels,
    *,
    policy: RiskPolicy,
    min_rows: int,
    customers: Labels | None,
) -> Segment:
    figures: Figures | None = None
    if quality.shortage(churned, min_rows=min_rows, customers=customers) is None:
        found = quality.measured(probability, churned, policy, customers=customers)
        figures = {metric: found[metric] for metric in METRICS}
    return Segment(feature, values, len(churned), int(churned.sum()), figures)


def split(feature: Feature, values: Vector, reference: Vector) -> Iterator[tuple[str, Mask]]:
    """Yield the name of each segment of a feature, and the mask of its rows."""
    if feature.kind in ("integer", "number"):
        yield from _bands(values, reference[np.isfinite(reference)])
        return
    if feature.kind == "open_category":
        yield from _levels(feature, values)
    else:
        for code, label in enumerate(feature.labels or ("false", "true")):
            yield label, values == code
    if feature.nullable:
        yield "unknown", np.isnan(values)


def _levels(feature: Feature, values: Vector) -> Iterator[tuple[str, Mask]]:
    """Yield the most frequent levels, all other learned ones together, and those that were never seen."""
    shown = feature.kept_levels[:SHOWN_LEVELS]
    for code, level in enumerate(shown):
        yield level, values == code
    if len(feature.levels) > len(shown):
        yield OTHER_LEVELS, (len(shown) <= values) & (values <= len(feature.kept_levels))
    yield NEW, values == len(feature.kept_levels) + 1


def _bands(values: Vector, reference: Vector) -> Iterator[tuple[str, Mask]]:
    quartiles = np.unique(np.quantile(reference, [0.25, 0.5, 0.75])) if len(reference) else reference
    inner = quartiles[quartiles > reference.min(initial=np.inf)]
    for low, high in pairwise([-np.inf, *inner, np.inf]):
        yield _band_name(low, high), (low <= values) & (values < high)


def _band_name(low: float, high: float) -> str:
    low, high = low + 0.0, high + 0.0  # -0 is 0
    if low == -np.inf:
        return "any value" if high == np.inf else f"below {high:g}"
    return f"from {low:g}" if high == np.inf else f"{low:g} to {high:g}"
