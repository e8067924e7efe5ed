"""Lists the levels of a category in messages: at most ten, the nearest to a wrong value first, and their number."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from models.customer.feature import Category

MOST = 10
_COMPARED_CHARACTERS = 64
"""A longer wrong value is cut, so that a message takes the same time however long the value is."""


def listed(categories: Sequence[Category], count: int | None = None) -> str:
    """Write at most ten levels, and the number of all: `count`, or that of `categories`.

    >>> listed(["basic", "plus", "pro"])
    "'basic', 'plus' or 'pro'"
    >>> listed(range(1_200))
    'one of 1,200 values, such as 0, 1, 2, 3, 4, 5, 6, 7, 8 and 9'
    """
    count = len(categories) if count is None else count
    *most, last = map(repr, categories[:MOST])
    if count > MOST:
        return f"one of {count:,} values, such as {', '.join(most)} and {last}"
    return f"{', '.join(most)} or {last}" if most else last


class Levels:
    """The levels of a category, to be searched for those that are near a wrong value."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self._categories = categories

    def __contains__(self, level: Any) -> bool:
        return level in self._set

    def near(self, wrong: Any) -> str:
        """Write the levels, those first that are nearest to `wrong`; 0.1 ms for a thousand levels."""
        return listed(self._nearest(wrong), len(self._categories))

    def _nearest(self, wrong: Any) -> list[Category]:
        first = list(self._categories[:MOST])
        if len(self._categories) <= MOST:
            return first
        if isinstance(wrong, str):
            found = self._most_alike(wrong[:_COMPARED_CHARACTERS])
        elif isinstance(self._categories[0], int) and isinstance(wrong, int | float):
            found = sorted(self._categories, key=lambda category: abs(category - wrong))[:MOST]  # type: ignore[operator]  # categories are all integers
        else:
            found = []
        return [*found, *(category for category in first if category not in found)][:MOST]

    def _most_alike(self, text: str) -> list[Category]:
        pairs = _pairs(text)
        shared = Counter(at for pair in pairs for at in self._having.get(pair, ()))
        best = sorted(shared, key=lambda at: -shared[at] / (len(pairs) + self._sizes[at]))  # Dice's coefficient
        return [self._categories[at] for at in best[:MOST]]

    @cached_property
    def _set(self) -> frozenset[Category]:
        return frozenset(self._categories)

    @cached_property
    def _sizes(self) -> list[int]:
        return [len(_pairs(str(category))) for category in self._categories]

    @cached_property
    def _having(self) -> dict[str, list[int]]:
        """Map each pair of letters to the positions of the levels that have it."""
        having: dict[str, list[int]] = defaultdict(list)
        for at, category in enumerate(self._categories):
            for pair in _pairs(str(category)):
                having[pair].append(at)
        return having


def _pairs(text: str) -> set[str]:
    """Return all pairs of neighbouring characters, those at the two ends with a blank."""
    padded = f" {text.casefold().strip()} "
    return {padded[at : at + 2] for at in range(len(padded) - 1)}
