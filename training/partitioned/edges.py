"""Counts the values of a column, and chooses edges from the counts; both are the same for any partition of the rows.

A float32 is counted by an integer that keeps its order. While a column has more than 32,768 different integers, their
lowest bits are cut off, one after the other. How many are cut is a property of the whole column: a part never needs
more cuts than the whole.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_COUNTED = 32_768
Keys = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float32]
_SIGN = np.uint32(1 << 31)


@dataclass(frozen=True)
class Counts:
    """How often the values of a column occur."""

    keys: Keys
    """(n,) ascending; values of which the order-preserving integers are equal without the lowest bits."""
    rows: npt.NDArray[np.int64]
    """(n,) rows of each; missing values are not counted."""
    cut: int = 0
    """Number of the lowest bits that are cut off."""

    def merged(self, other: "Counts") -> "Counts":
        """Return the counts of both parts together."""
        cut = max(self.cut, other.cut)
        keys = np.concatenate([part.keys >> np.uint32(cut - part.cut) for part in (self, other)])
        return _few(keys, np.concatenate([self.rows, other.rows]), cut)


def none() -> Counts:
    """Return the counts of no rows."""
    return Counts(np.zeros(0, np.uint32), np.zeros(0, np.int64))


def count(values: Values) -> Counts:
    """Count the values of a part of a column; NaN is missing."""
    known = values[~np.isnan(values)]
    return _few(_key(known), np.ones(len(known), dtype=np.int64), 0)


def weighted(values: Values, rows: npt.NDArray[np.int64]) -> Counts:
    """Return the counts of values, of which the rows are known."""
    return _few(_key(values), rows, 0)


def choose(counts: Counts, most: int) -> Values:
    """Return at most `most` ascending edges, so that about as many rows lie between any two.

    The first edge is the smallest value. A value of many rows has the next edge directly above it.
    """
    values = _value(counts.keys << np.uint32(counts.cut))
    if len(values) <= most:
        return values
    chosen, left, since, rest = [0], most - 1, 0, int(counts.rows.sum())
    rows = counts.rows.tolist()
    for at in range(1, len(rows)):
        since += rows[at - 1]
        is_large = rows[at] * left >= rest - since  # it deserves an edge of its own
        if left and since and (is_large or since * (left + 1) >= rest):
            chosen.append(at)
            rest, since, left = rest - since, 0, left - 1
    return values[chosen]


def _few(keys: Keys, rows: npt.NDArray[np.int64], cut: int) -> Counts:
    """Add up equal keys, and cut off bits until there are at most 32,768."""
    found, at = np.unique(keys, return_inverse=True)
    added = np.bincount(at, weights=rows, minlength=len(found)).astype(np.int64)  # exact below 2^53 rows
    while len(found) > MOST_COUNTED:
        found, at = np.unique(found >> np.uint32(1), return_inverse=True)
        added = np.bincount(at, weights=added).astype(np.int64)
        cut += 1
    return Counts(found, added, cut)


def _key(values: Values) -> Keys:
    """Convert float32 to integers of the same order; -0.0 counts as 0.0."""
    bits = np.ascontiguousarray(values + np.float32(0)).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(keys: Keys) -> Values:
    """Convert these integers back; of cut ones, to the smallest value."""
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).astype(np.uint32).view(np.float32)
