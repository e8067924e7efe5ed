"""Says in which columns XGBoost is given the snapped rows, and gives back trees of the columns as they are.

XGBoost keeps one byte of each value of a matrix without missing values, and four bytes of each value if a single one is
missing. So `TwinColumns` have a value above all others instead of a missing one, and each column with missing values is
there a second time, in reverse. XGBoost finds the splits that send missing values to the right in the first one, and
those that send them to the left in the second one, in the order in which it would compare them itself. All sums are
exact, so it chooses the same splits. In the finished trees, those of reversed columns are turned.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from xgboost import Booster, QuantileDMatrix

from models.customer.contract import Matrix
from training.partitioned import snapped_part
from training.partitioned.snapped_part import MISSING, Edges, SnappedPart

_ABOVE_ALL = 1e38
_SAME_WITH_TWINS = frozenset(
    [
        *("max_depth", "learning_rate", "min_child_weight", "gamma", "reg_alpha", "reg_lambda", "monotone_constraints"),
        *("random_state", "seed_per_iteration", "n_jobs", "verbosity", "objective", "tree_method", "max_bin"),
    ]
)
"""Parameters with which a column more changes no choice; with another one, as `colsample_bytree`, it may."""
_NO_CHILD = -1
Tree = dict[str, Any]


class MatrixColumns(Protocol):
    """The columns of XGBoost's matrix."""

    def values(self, part: SnappedPart) -> Matrix:
        """Return the values of rows."""
        ...

    def every_edge(self) -> Matrix:
        """Return rows in which each column has each of its edges, and a value above all others.

        XGBoost separates the missing values by a threshold of twice the highest value. A raw value may be that far
        above the highest edge.
        """
        ...

    def parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return XGBoost's parameters for these columns."""
        ...

    def saved(self, booster: Booster, matrix: QuantileDMatrix) -> bytes:
        """Return the trees for the columns of the contract, in XGBoost's own format."""
        ...


def choose(edges: Edges, has_missing: Sequence[bool], parameters: Mapping[str, Any]) -> MatrixColumns:
    """Return the columns that take the least memory and give the same trees; `has_missing` is by column."""
    if not _SAME_WITH_TWINS.issuperset(parameters):
        return PlainColumns(edges)
    origins = [
        (column, is_reversed)
        for column, known in enumerate(edges)
        for is_reversed in ([False, True] if has_missing[column] and len(known) else [False])
    ]
    return TwinColumns(edges, origins)


@dataclass(frozen=True)
class PlainColumns:
    """The columns of the contract, with NaN for missing."""

    edges: Edges

    def values(self, part: SnappedPart) -> Matrix:
        """Return the snapped values."""
        return snapped_part.values(part, self.edges)

    def every_edge(self) -> Matrix:
        """Return rows with every edge, and no missing value."""
        rows = np.full((max(map(len, self.edges)) + 1, len(self.edges)), _ABOVE_ALL, dtype=np.float32)
        for column, known in enumerate(self.edges):
            rows[: len(known), column] = known
        return rows

    def parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters as they are."""
        return dict(given)

    def saved(self, booster: Booster, matrix: QuantileDMatrix) -> bytes:  # noqa: ARG002  # nothing is turned
        """Return the trees as they are."""
        return bytes(booster.save_raw("ubj"))


@dataclass(frozen=True)
class TwinColumns:
    """Columns without missing values, some of them twice."""

    edges: Edges
    origins: Sequence[tuple[int, bool]]
    """For each of them, the column of the contract, and whether it is reversed."""

    def values(self, part: SnappedPart) -> Matrix:
        """Return the snapped values, and of reversed columns the positions of their edges, counted from the highest."""
        found = np.empty((len(part.codes), len(self.origins)), dtype=np.float32)
        for at, (column, is_reversed) in enumerate(self.origins):
            known = len(self.edges[column])
            table = np.full(MISSING + 1, known if is_reversed else _ABOVE_ALL, dtype=np.float32)
            table[:known] = np.arange(known)[::-1] if is_reversed else self.edges[column]
            found[:, at] = table[part.codes[:, column]]
        return found

    def every_edge(self) -> Matrix:
        """Return rows with every edge, and what stands for missing."""
        codes = np.arange(max(map(len, self.edges)) + 1)[:, np.newaxis]
        rows = np.where(codes < [len(known) for known in self.edges], codes, MISSING).astype(np.uint8)
        return self.values(SnappedPart(rows, np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.uint64)))

    def parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters, with the opposite constraint for a reversed column."""
        signs = given.get("monotone_constraints")
        if signs is None:
            return dict(given)
        own = tuple(-signs[column] if is_reversed else signs[column] for column, is_reversed in self.origins)
        return {**given, "monotone_constraints": own}

    def saved(self, booster: Booster, matrix: QuantileDMatrix) -> bytes:
        """Return the trees with the reversed splits turned."""
        starts, cuts = matrix.get_quantile_cut()
        lowest = {column: cuts[starts[at]] for at, (column, is_reversed) in enumerate(self.origins) if not is_reversed}
        model = json.loads(bytes(booster.save_raw("json")))
        width = str(len(self.edges))
        model["learner"]["learner_model_param"]["num_feature"] = width
        for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
            tree["tree_param"]["num_feature"] = width
            self._turn(tree, lowest)
            _renumber(tree)
        return bytes(Booster(model_file=bytearray(json.dumps(model).encode())).save_raw("ubj"))

    def _turn(self, tree: Tree, lowest: Mapping[int, np.float32]) -> None:
        """Turn the reversed splits; `lowest` is XGBoost's threshold between missing and all others, by column."""
        left, right, columns = tree["left_children"], tree["right_children"], tree["split_indices"]
        for node, at in enumerate(columns):
            if left[node] == _NO_CHILD:
                continue
            column, is_reversed = self.origins[at]
            columns[node] = column
            if is_reversed:
                left[node], right[node] = right[node], left[node]
                edge = len(self.edges[column]) - round(tree["split_conditions"][node])
                threshold = self.edges[column][edge] if edge else lowest[column]
                tree["split_conditions"][node] = float(str(threshold))  # the digits that XGBoost writes
                tree["default_left"][node] = 1


def _renumber(tree: Tree) -> None:
    """Number the nodes level by level, from left to right, as XGBoost does."""
    left, right, order = tree["left_children"], tree["right_children"], [0]
    for node in order:  # it grows meanwhile
        order += [child for child in (left[node], right[node]) if child != _NO_CHILD]
    number = np.argsort(order).tolist()
    for name in ("left_children", "right_children"):
        tree[name] = [number[child] if child != _NO_CHILD else child for child in tree[name]]
    root, *parents = tree["parents"]
    tree["parents"] = [root, *(number[parent] for parent in parents)]
    for name, values in tree.items():
        if isinstance(values, list) and len(values) == len(order):
            tree[name] = [values[node] for node in order]
