"""Finds the range of each number in which a model's answer can change: from its lowest split to its highest."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from models.customer.contract import Contract


def find(trees: Iterable[Mapping[str, Any]], contract: Contract) -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest split of each number, from checked trees; numbers without splits are left out.

    The trees do not tell values below the first apart, nor values from the last on. The contract's bounds are wider.
    """
    low, high = (np.full(len(contract.matrix_columns), end) for end in (np.inf, -np.inf))
    for tree in trees:
        splits = np.asarray(tree["left_children"]) >= 0
        columns, values = (np.asarray(tree[name])[splits] for name in ("split_indices", "split_conditions"))
        np.minimum.at(low, columns, values)
        np.maximum.at(high, columns, values)
    numbers = [feature.name for feature in contract.features if feature.kind in ("integer", "number")]
    at = {name: contract.matrix_slices[name].start for name in numbers}
    return {name: (float(low[at[name]]), float(high[at[name]])) for name in numbers if low[at[name]] <= high[at[name]]}
