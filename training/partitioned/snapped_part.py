"""Encoded rows of which each value is replaced by an edge below it: one byte for each value.

A tree of snapped values has only edges as thresholds. `x < edge` holds for a raw value if and only if it holds for the
snapped one, so the tree scores raw values unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.customer.contract import Mask, Matrix
from training.data.hashing.row_hash import Hashes

MOST_EDGES = 255
"""The codes of one byte, without that of missing."""
MISSING = 255
Edges = Sequence[npt.NDArray[np.float32]]
"""For each column of the matrix, at most 255 ascending float32; none for a column without values."""


@dataclass(frozen=True)
class SnappedPart:
    """The rows of a part of a table."""

    codes: npt.NDArray[np.uint8]
    """(n, width) position of the largest edge that is not above the value, 0 below all edges, 255 for missing."""
    churned: Mask
    hashes: Hashes
    """What rows are drawn by: the hash of the features, or of the customer's id."""

    def sliced(self, rows: int) -> "list[SnappedPart]":
        """Return the part as several of at most so many rows; they share its memory."""
        starts = range(0, len(self.codes), rows)
        return [
            SnappedPart(self.codes[at : at + rows], self.churned[at : at + rows], self.hashes[at : at + rows])
            for at in starts
        ]


def snap(matrix: Matrix, edges: Edges) -> npt.NDArray[np.uint8]:
    """Return the codes of encoded rows, (n, width)."""
    codes = np.full(matrix.shape, MISSING, dtype=np.uint8)
    for column, known in enumerate(edges):
        values = matrix[:, column]
        at = np.clip(np.searchsorted(known, values, side="right") - 1, 0, None)
        codes[:, column] = np.where(np.isnan(values) | (len(known) == 0), MISSING, at)
    return codes


def values(part: SnappedPart, edges: Edges) -> Matrix:
    """Return the snapped values, (n, width), NaN for missing."""
    found = np.empty(part.codes.shape, dtype=np.float32)
    for column, known in enumerate(edges):
        table = np.full(MISSING + 1, np.nan, dtype=np.float32)
        table[: len(known)] = known
        found[:, column] = table[part.codes[:, column]]
    return found
