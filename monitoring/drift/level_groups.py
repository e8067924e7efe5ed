"""Groups the levels of an open category, so that unchanged customers look unchanged however many levels there are.

A frequent level is a label of its own. All others are in a few groups, by a hash of their text: the group of a level
does not depend on how often training has met it, so training rows and new rows have the same shares in expectation.

Some rows with levels that were never seen in training are expected without any change: as many as there are training
rows whose level was seen once (Good 1953, "The population frequencies of species"). Only if there are more, they get a
label of their own.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.customer.feature import Feature
from models.customer.kinds import encoding
from models.customer.kinds.learned_levels import NEW
from monitoring.drift import row_counts
from monitoring.drift.row_counts import UNREADABLE, Values

LEAST_SHARE, LEAST_ROWS, MOST_GROUPS = 0.01, 10, 10
"""Smallest share of a label in the training rows, and smallest expected number of rows in the smaller table."""
_CHANCE = 4.0
"""Standard deviations of chance."""


@dataclass(frozen=True)
class Grouping:
    """The labels of an open category in one run."""

    levels: Mapping[str, int]
    """The levels that training met."""
    own: Collection[str]
    """The levels that are labels of their own."""
    groups: int
    """Number of groups of the others; it divides `row_counts.HASHES`."""
    has_new: bool
    """Whether the levels that training never met are a label of their own."""

    def count(self, values: Values) -> Counter[str]:
        """Return the rows of each label."""
        found = Counter({UNREADABLE: values.unreadable} if values.unreadable else {})
        for level, rows in values.labels.items():
            found[self._label(level)] += rows
        for at in np.flatnonzero(values.cells).tolist():
            found[NEW if self.has_new else self._group(at)] += int(values.cells[at])
        return found

    def of_rows(self, column: pd.Series) -> pd.Series:
        """Return the label of each row; None for null."""
        return pd.Series([self._of_row(value) for value in column.tolist()], dtype=object)

    def _of_row(self, value: Any) -> str | None:
        if (level := row_counts.text_of(value)) is not None:
            return self._label(level)
        return None if encoding.is_null(value) else UNREADABLE

    def _label(self, level: str) -> str:
        if level in self.own:
            return level
        return NEW if self.has_new and level not in self.levels else self._group(row_counts.hash_of(level))

    def _group(self, at: int) -> str:
        return f"other levels {1 + at % self.groups} of {self.groups}" if self.groups > 1 else "other levels"


def choose(feature: Feature, live: Values, *, rows: tuple[int, int]) -> Grouping:
    """Choose the labels; `rows` are the numbers of all reference rows and of all live rows."""
    trained = sum(feature.levels.values()) or 1
    share = max(LEAST_SHARE, LEAST_ROWS / max(1, min(rows)))
    own = {level for level, count in feature.levels.items() if count >= share * trained}
    others = 1 - sum(feature.levels[level] for level in own) / trained
    groups = max(1, min(MOST_GROUPS, int(others / share)))
    once = sum(count == 1 for count in feature.levels.values())
    return Grouping(feature.levels, own, groups, _has_new(live, once=once, trained=trained))


def _has_new(live: Values, *, once: int, trained: int) -> bool:
    """Return whether more live rows than expected have a level that training never met."""
    new = int(live.cells.sum())
    texts = live.labels.total() + new
    expected = once * texts / trained
    deviation = math.sqrt(expected * (1 + texts / trained))  # the estimate varies as well
    return new > expected + _CHANCE * deviation
