"""Reweights reference rows so that chosen columns are distributed as in a window (raking, Deming and Stephan 1940).

Columns that depend on each other are not counted twice: each pass corrects what the other columns have left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.customer.contract import Labels, Vector
from models.customer.feature import Feature

BINS = 10
"""Most groups of a number, of equally many reference rows; what is unknown is one more."""
_PASSES = 20
_FARTHEST = 20.0
"""Largest weight of a row: a few rows must not stand for a whole window."""


@dataclass(frozen=True)
class Column:
    """The group of each reference row, and the share of each group in the window."""

    group: Labels
    share: Vector
    """(groups,) shares of the groups that the reference has; they sum to 1."""


def column(feature: Feature, reference: Vector, live: Vector) -> Column:
    """Group the encoded values of a feature; a level that the reference lacks is left out of the shares."""
    values = np.unique(reference[np.isfinite(reference)])
    if feature.kind in ("integer", "number") and len(values) > BINS:
        edges = np.unique(np.quantile(reference[np.isfinite(reference)], np.arange(1, BINS) / BINS))
        places = [
            np.where(np.isfinite(one), np.searchsorted(edges, one, side="right"), -1) for one in (reference, live)
        ]
    else:
        known = [np.where(np.isin(one, values), np.searchsorted(values, one), -2) for one in (reference, live)]
        places = [np.where(np.isnan(one), -1, place) for one, place in zip((reference, live), known, strict=True)]
    names, group = np.unique(places[0], return_inverse=True)
    counts = np.array([(places[1] == name).sum() for name in names], dtype=np.float64)
    return Column(group, counts / max(counts.sum(), 1.0))


def weights(columns: Sequence[Column], rows: int) -> Vector:
    """Return the weight of each of `rows` reference rows, with a mean of 1."""
    found = np.ones(rows)
    for _ in range(_PASSES if len(columns) > 1 else 1):
        for one in columns:
            sums = np.bincount(one.group, weights=found, minlength=len(one.share)) / found.sum()
            found = (found * np.divide(one.share, sums, out=np.zeros(len(sums)), where=sums > 0)[one.group]).clip(
                0, _FARTHEST
            )
        found = found / max(found.mean(), 1e-12)
    return found
