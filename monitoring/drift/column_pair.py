"""The counts of one column in the reference and in the live rows, which decide about its drift."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from models.customer.contract import Vector
from monitoring.drift.row_counts import Cells

Kind = Literal["number", "label"]
"""How a column is compared: integers and numbers by their distribution, all others by the shares of their labels."""


@dataclass(frozen=True)
class NumberPair:
    """A column of numbers."""

    points: Vector
    reference: Cells
    """Rows below the first point, at it, between it and the next, and so on."""
    live: Cells
    kind: Kind = field(default="number", init=False)

    @property
    def rows(self) -> tuple[int, int]:
        """Rows with a value, in the reference and in the live rows."""
        return int(self.reference.sum()), int(self.live.sum())

    @property
    def only(self) -> str | None:
        """The value of all rows, or None if there are several."""
        is_one = len(self.points) == 1 and self.live[1] == self.live.sum()
        return str(self.points[0]) if is_one else None


@dataclass(frozen=True)
class LabelPair:
    """A column of labels; each has at least one row on one side."""

    reference: Mapping[str, int]
    live: Mapping[str, int]
    kind: Kind = field(default="label", init=False)

    @property
    def rows(self) -> tuple[int, int]:
        """Rows with a value, in the reference and in the live rows."""
        return sum(self.reference.values()), sum(self.live.values())

    @property
    def labels(self) -> list[str]:
        """All labels, sorted."""
        return sorted({*self.reference, *self.live})

    @property
    def counts(self) -> Cells:
        """(2, n) rows of each label, in the reference and in the live rows."""
        return np.array([[side.get(label, 0) for label in self.labels] for side in (self.reference, self.live)])

    @property
    def only(self) -> str | None:
        """The label of all rows, or None if there are several."""
        return self.labels[0] if len(self.labels) == 1 else None


Pair = NumberPair | LabelPair
