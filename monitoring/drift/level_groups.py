"""Groups the levels of an open category, so that unchanged customers look unchanged however many levels there are.

A frequent level is a label of its own. All others are in a few groups, by a hash of their text: the group of a level
does not depend on how often training has met it, so training rows and new rows have the same shares in expectation.

Some rows with levels that were never seen in training are expected without any change: as many as there are training
rows whose level was seen once (Good 1953, "The population frequencies of species"). Only if there are more, they get a
label of their own.
"""

import math
import zlib
from collections.abc import Callable, Collection
from typing import Any, TypeGuard

import pandas as pd

from models.customer.feature import Feature
from models.customer.kinds import encoding
from models.customer.kinds.learned_levels import LONGEST, NEW

UNREADABLE = "not in the contract"
_LEAST_SHARE, _LEAST_ROWS, _MOST_GROUPS = 0.01, 10, 10
"""Smallest share of a label in the training rows, and smallest expected number of rows in the smaller table."""
_CHANCE = 4.0
"""Standard deviations of chance."""


def group(feature: Feature, reference: pd.Series, live: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the label of each row of both columns; None for null."""
    rows = sum(feature.levels.values()) or 1
    share = max(_LEAST_SHARE, _LEAST_ROWS / max(1, min(len(reference), len(live))))
    own = {level for level, count in feature.levels.items() if count >= share * rows}
    others = 1 - sum(feature.levels[level] for level in own) / rows
    groups = max(1, min(_MOST_GROUPS, int(others / share)))
    new = _new(feature, live, once=sum(count == 1 for count in feature.levels.values()), rows=rows)

    def label(value: Any) -> str | None:
        if not _is_level(value):
            return None if encoding.is_null(value) else UNREADABLE
        if value in own:
            return value
        at = f" {1 + zlib.crc32(value.encode()) % groups} of {groups}" if groups > 1 else ""
        return NEW if value in new else f"other levels{at}"

    return _map(reference, label), _map(live, label)


def _new(feature: Feature, live: pd.Series, *, once: int, rows: int) -> Collection[str]:
    """Return the levels that training never met, if more live rows than expected have one."""
    texts = [value for value in live.tolist() if _is_level(value)]
    new = [value for value in texts if value not in feature.levels]
    expected = once * len(texts) / rows
    deviation = math.sqrt(expected * (1 + len(texts) / rows))  # the estimate varies as well
    return frozenset(new) if len(new) > expected + _CHANCE * deviation else frozenset()


def _is_level(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST


def _map(column: pd.Series, label: Callable[[Any], str | None]) -> pd.Series:
    return pd.Series([label(value) for value in column.tolist()], dtype=object)
