"""Writes the trees of a model.ubj as JSON for the browser, which computes contributions from them.

`browser/tree_shap.js` reads it. The nodes of all trees are in preorder: the left child of a split follows it.
"""

from typing import Any

import numpy as np

from models.bundles.format import ubjson


def read(booster: bytes) -> dict[str, Any]:
    """Return the nodes of all trees as lists, from the content of a checked model file.

    `right` is the position of the right child, 0 for a leaf. `value` is the threshold of a split, or the score of a
    leaf. `cover` is the weight of the training rows that reach the node.
    """
    nodes: dict[str, Any] = {"right": [], "column": [], "value": [], "cover": [], "missingLeft": []}
    roots, deepest = [], 0
    for tree in ubjson.read(booster)["learner"]["gradient_booster"]["model"]["trees"]:
        roots.append(len(nodes["right"]))
        deepest = max(deepest, _append(tree, nodes))
    return {**nodes, "roots": roots, "depth": deepest}


def _append(tree: dict[str, Any], nodes: dict[str, Any]) -> int:
    """Append the nodes of one tree, and return its depth."""
    lefts, rights = tree["left_children"].tolist(), tree["right_children"].tolist()
    columns, missing = tree["split_indices"].tolist(), tree["default_left"].tolist()
    values, covers = _shortest(tree["split_conditions"]), _shortest(tree["sum_hessian"])
    deepest = 0
    waiting: list[tuple[int, int, int | None]] = [(0, 0, None)]  # node, depth, and the split whose right child it is
    while waiting:
        node, depth, parent = waiting.pop()
        if parent is not None:
            nodes["right"][parent] = len(nodes["right"])
        is_leaf = lefts[node] < 0
        if not is_leaf:
            waiting += [(rights[node], depth + 1, len(nodes["right"])), (lefts[node], depth + 1, None)]
        nodes["right"].append(0)
        nodes["column"].append(0 if is_leaf else columns[node])
        nodes["missingLeft"].append(0 if is_leaf else int(missing[node]))
        nodes["value"].append(values[node])
        nodes["cover"].append(covers[node])
        deepest = max(deepest, depth)
    return deepest


def _shortest(numbers: Any) -> list[float]:
    """Return float32 numbers with the fewest digits that tell them apart; the browser rounds them to float32 again."""
    return [float(str(number)) for number in numbers.astype(np.float32)]
