"""XGBoost's matrix has no missing value, and the trees are those of one that has."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from xgboost import Booster

from tests.snapped_rows import FITTED, TRAINED, WATCHED, draw, edges_of, part_of, trees, unfitted
from training.data.hashing.selection import Selection
from training.learning import presets
from training.partitioned import boosting, matrix_columns
from training.partitioned.matrix_columns import PlainColumns, TwinColumns
from training.partitioned.snapped_part import MISSING, Edges, SnappedPart

EDGES: Edges = [np.array([1, 2, 5], np.float32), np.array([0], np.float32), np.array([], np.float32)]
PART = SnappedPart(
    np.array([[0, 0, 255], [2, 255, 255], [255, 0, 255]], np.uint8), np.ones(3, np.bool_), np.arange(3, dtype=np.uint64)
)


def plain(edges: Edges, has_missing: Sequence[bool], parameters: Mapping[str, Any]) -> PlainColumns:  # noqa: ARG001  # as `choose`
    return PlainColumns(edges)


def splits(model: bytes) -> list[tuple[int, int]]:
    """Return the column and the default direction of each split."""
    read = json.loads(bytes(Booster(model_file=bytearray(model)).save_raw("json")))
    return [
        split
        for tree in read["learner"]["gradient_booster"]["model"]["trees"]
        for split, left in zip(
            zip(tree["split_indices"], tree["default_left"], strict=True), tree["left_children"], strict=True
        )
        if left >= 0
    ]


@pytest.mark.parametrize(
    ("others", "trained", "watched"),
    [
        ({}, TRAINED, None),
        (presets.OTHERS["deep"], TRAINED, None),
        ({"n_estimators": 10, "max_depth": 9, "min_child_weight": 0, "gamma": 0.5, "reg_lambda": 5}, TRAINED, None),
        ({"n_estimators": 300, "learning_rate": 0.3, "early_stopping_rounds": 20}, FITTED, WATCHED),
    ],
    ids=["usual", "deep", "deeper, of a search", "early stopping"],
)
def test_no_bit_of_the_trees_tells_in_which_columns_they_were_grown(
    others: Mapping[str, int | float], trained: Selection, watched: Selection | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix, churned = draw()
    matrix[:, 1] = np.nan_to_num(matrix[:, 1], nan=-1)  # one column without missing values
    edges = edges_of(matrix)
    part = part_of(matrix, churned, edges)
    classifier = unfitted(others)
    twins = trees(boosting.fit(classifier, [part], edges, trained=trained, watched=watched))
    monkeypatch.setattr(matrix_columns, "choose", plain)
    usual = trees(boosting.fit(classifier, [part], edges, trained=trained, watched=watched))
    assert twins == usual
    assert {(2, 0), (2, 1), (4, 1)} <= set(splits(usual))  # missing values go either way


def test_a_missing_value_is_above_all_others_and_its_column_is_there_in_reverse_too() -> None:
    columns = matrix_columns.choose(EDGES, [True, False, True], {"monotone_constraints": (1, 0, 0)})
    assert columns == TwinColumns(EDGES, [(0, False), (0, True), (1, False), (2, False)])
    high = np.float32(1e38)
    np.testing.assert_array_equal(columns.values(PART), [[1, 2, 0, high], [5, 0, high, high], [high, 3, 0, high]])
    np.testing.assert_array_equal(
        columns.every_edge(), [[1, 2, 0, high], [2, 1, high, high], [5, 0, high, high], [high, 3, high, high]]
    )
    assert columns.parameters({"monotone_constraints": (1, 0, -1)})["monotone_constraints"] == (1, -1, 0, -1)


def test_columns_stay_as_they_are_where_a_tree_draws_some_of_them() -> None:
    columns = matrix_columns.choose(EDGES, [True, False, True], {"colsample_bytree": 0.6, "max_depth": 4})
    assert columns == PlainColumns(EDGES)
    assert np.isnan(columns.values(PART)).sum() == (PART.codes == MISSING).sum()
    assert not np.isnan(columns.every_edge()).any()
