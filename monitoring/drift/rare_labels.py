"""Pools the rare labels of a category, so that its limit holds however many labels it has.

The limit of the Jensen-Shannon distance is right only for labels with several expected rows. And each rare label adds
chance to the distance of all, which would hide a real shift of the frequent ones. Labels are chosen by the rows of both
sides together: if nothing has changed, these say nothing about which side a row is on.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from monitoring.drift import row_counts
from monitoring.drift.level_groups import LEAST_ROWS, LEAST_SHARE, MOST_GROUPS
from monitoring.drift.row_counts import UNREADABLE

_FEW = 10
"""A category of so few labels is never pooled."""


@dataclass(frozen=True)
class Pooling:
    """The labels of a category in one run: frequent ones, and groups of the others by a hash of their text."""

    own: Collection[str]
    groups: int

    def count(self, labels: Mapping[str, int]) -> Counter[str]:
        """Return the rows of each label or group."""
        found: Counter[str] = Counter()
        for label, rows in labels.items():
            found[self._name(label)] += rows
        return found

    def of_rows(self, labels: pd.Series) -> pd.Series:
        """Return the label or group of each row; null stays null."""
        named = labels.map({label: self._name(label) for label in labels.dropna().unique()}).astype(object)
        return named.where(labels.notna(), None)

    def _name(self, label: str) -> str:
        if label in self.own:
            return label
        at = row_counts.hash_of(label)
        return f"other levels {1 + at % self.groups} of {self.groups}" if self.groups > 1 else "other levels"


def choose(reference: Mapping[str, int], live: Mapping[str, int]) -> Pooling | None:
    """Choose the labels from the rows of each on both sides; None to keep them all."""
    total = Counter(reference) + Counter(live)
    rows = sum(reference.values()), sum(live.values())
    if len(total) <= _FEW or not all(rows):
        return None
    least = sum(rows) * max(LEAST_SHARE, LEAST_ROWS / min(rows))
    own = {label for label, count in total.items() if count >= least} | {UNREADABLE}
    others = sum(count for label, count in total.items() if label not in own)
    if len(total.keys() - own) < 2:  # a group of one says nothing more
        return None
    return Pooling(own, max(1, min(MOST_GROUPS, int(others / least))))
