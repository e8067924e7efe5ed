"""Learns the levels of open categories from the training rows."""

import json
from collections import Counter
from collections.abc import Mapping

from models.customer.contract import Contract
from training.data.datasets import Dataset
from training.data.splitting import Split
from training.errors import TooManyLevels

LARGEST_BYTES = 2_000_000
"""Of the levels of all features together, as the manifest has them; a manifest has at most 4 MB."""

_LEAST_BYTES = 8  # of a level and its count in the manifest


def learn(dataset: Dataset, split: Split, contract: Contract) -> Contract:
    """Return the contract with the levels that the training rows have; test rows are not looked at.

    Raises:
        TooManyLevels: they are too many for the manifest.
    """
    levels = {}
    for feature in contract.open_categories:
        counted = dataset.features[feature.name].iloc[split.training].value_counts()
        levels[feature.name] = {str(level): rows for level, rows in counted.to_dict().items()}
    return from_counts(levels, contract, rows=len(split.training))


def from_counts(levels: Mapping[str, Mapping[str, int]], contract: Contract, *, rows: int) -> Contract:
    """Return the contract with levels that were counted in the training rows.

    Raises:
        TooManyLevels: they are too many for the manifest.
    """
    _require_few(levels, rows=rows)
    return contract.learned(levels)


def added(feature: str, first: Counter[str], second: Counter[str]) -> Counter[str]:
    """Add the counts of two parts of a table.

    Raises:
        TooManyLevels: their names alone are too many for the manifest, so counting them further is a waste of memory.
    """
    found = first + second
    if len(found) > LARGEST_BYTES // _LEAST_BYTES:
        raise TooManyLevels(feature=feature, levels=len(found), rows=found.total())
    return found


def _require_few(levels: Mapping[str, Mapping[str, int]], *, rows: int) -> None:
    if len(json.dumps(levels, indent=2)) > LARGEST_BYTES:
        most = max(levels, key=lambda name: len(levels[name]))
        raise TooManyLevels(feature=most, levels=len(levels[most]), rows=rows)
