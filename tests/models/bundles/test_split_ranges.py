"""The ranges of a model's splits are where its answer can change, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundles import bundle
from models.bundles.explainer import Explainer
from models.bundles.scorer import Scorer
from models.customer.contract import Vector
from models.features import CONTRACT

ROWS = 5_000
NUMBERS = [feature.name for feature in CONTRACT.features if feature.kind in ("integer", "number")]


@pytest.fixture(scope="module")
def model(root: Path) -> tuple[Scorer, Explainer]:
    found = bundle.load(root / "models", contract=CONTRACT)
    return Scorer.of(found), Explainer.of(found)


def score(model: tuple[Scorer, Explainer], name: str, values: list[Any]) -> Vector:
    """Score random customers who have each of the values of one column: (values, customers)."""
    scorer, explainer = model
    draw = np.random.default_rng(3)
    columns = {
        feature.name: draw.uniform(*explainer.ranges[feature.name], ROWS)
        if feature.name in explainer.ranges
        else draw.choice(np.array(feature.categories or (0, 1)), ROWS)
        for feature in CONTRACT.features
    }
    matrix = CONTRACT.to_matrix(columns)
    scored = []
    for value in values:
        matrix[:, CONTRACT.matrix_slices[name]] = value
        scored.append(scorer.score(matrix))
    return np.array(scored)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_answer_changes_within_the_range_and_not_beyond(model: tuple[Scorer, Explainer], name: str) -> None:
    low, high = model[1].ranges[name]
    below = score(model, name, [np.nextafter(np.float32(low), np.float32(-np.inf)), low - 1, low - 1_000])
    above = score(model, name, [high, high + 1, high + 1_000_000])
    np.testing.assert_array_equal(below, below[[0, 0, 0]])
    np.testing.assert_array_equal(above, above[[0, 0, 0]])
    at_the_ends = score(model, name, [low, np.nextafter(np.float32(high), np.float32(-np.inf))])
    assert (at_the_ends[0] != below[0]).any()
    assert (at_the_ends[1] != above[0]).any()


def test_only_numbers_have_a_range(model: tuple[Scorer, Explainer]) -> None:
    assert list(model[1].ranges) == NUMBERS
