"""Samples rows by their hash: those with the smallest draw, which are the same for any partition of the table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.customer.contract import Labels, Vector
from training.data.hashing.row_hash import Hashes


@dataclass(frozen=True)
class Sample:
    """The rows with the smallest draw of those that were seen; rows with equal draws are equal, or of one customer."""

    most: int
    """Rows that are wanted; one more is kept, to tell whether the last rows with equal draws are complete."""
    drawn: Vector
    ties: Hashes
    """Order of rows with equal draws."""
    hashes: Hashes
    features: pd.DataFrame
    churned: Labels
    others: pd.DataFrame

    @property
    def limit(self) -> float:
        """The draw above which no more rows are wanted."""
        return float(self.drawn.max()) if len(self.drawn) > self.most else 1.0

    def take(self, rows: npt.NDArray[np.intp]) -> "Sample":
        """Return some rows, in their order."""
        return Sample(
            self.most,
            self.drawn[rows],
            self.ties[rows],
            self.hashes[rows],
            self.features.iloc[rows].reset_index(drop=True),
            self.churned[rows],
            self.others.iloc[rows].reset_index(drop=True),
        )

    def whole(self) -> "Sample":
        """Return at most `most` rows: of rows with equal draws all, or none unless that halves the sample."""
        if len(self.drawn) <= self.most:
            return self
        complete = np.flatnonzero(self.drawn < self.drawn[-1])
        return self.take(complete if len(complete) >= self.most / 2 else np.arange(self.most))


def joined(parts: Sequence[Sample]) -> Sample:
    """Return the rows with the smallest draws of all parts, in the order of their draws."""
    filled = [part for part in parts if len(part.drawn)] or parts[:1]
    found = Sample(
        parts[0].most,
        np.concatenate([part.drawn for part in filled]),
        np.concatenate([part.ties for part in filled]),
        np.concatenate([part.hashes for part in filled]),
        pd.concat([part.features for part in filled], ignore_index=True),
        np.concatenate([part.churned for part in filled]),
        pd.concat([part.others for part in filled], ignore_index=True),
    )
    return found.take(np.lexsort((found.ties, found.drawn))[: found.most + 1])


class Sampling:
    """Samples the rows of one part, a chunk at a time."""

    def __init__(self, most: int) -> None:
        self._most, self._parts, self._limit = most, list[Sample](), 1.0

    def add(self, rows: Sample) -> None:
        """Add a chunk."""
        self._parts.append(rows.take(np.flatnonzero(rows.drawn <= self._limit)))
        if sum(len(part.drawn) for part in self._parts) > 2 * self._most:
            self._parts = [joined(self._parts)]
            self._limit = self._parts[0].limit

    def result(self) -> Sample:
        """Return the sample of all chunks, of which there is at least one."""
        return joined(self._parts)
