"""Thousands of levels raise no false alarm, and new levels show."""

from collections import Counter
from functools import reduce
from operator import add
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from models.customer import declaration
from models.customer.contract import Contract
from models.customer.kinds.learned_levels import NEW
from monitoring.drift import distances, limits, row_counts
from monitoring.drift.column_pair import LabelPair
from monitoring.drift.comparison import Comparison, compare
from monitoring.drift.row_counts import PREDICTION

LEVELS = np.array([f"level {at}" for at in range(2_000)])
EVEN, FALLING = np.ones(2_000), 1 / np.arange(1, 2_001)


class Visitor(declaration.Features):
    country: Annotated[str | None, declaration.Category(max=200)] = Field(examples=["level 1"])


CONTRACT = declaration.derive(Visitor)


def draw(rows: int, seed: int, weights: np.ndarray) -> list[str]:
    drawn: list[str] = np.random.default_rng(seed).choice(LEVELS, rows, p=weights / weights.sum()).tolist()
    return drawn


def learn(rows: list[str]) -> Contract:
    return CONTRACT.learned({"country": Counter(rows)})


def put_side_by_side(training: list[str], live: list[str | None]) -> Comparison:
    contract, reference = learn(training), pd.DataFrame({"country": training[:5_000], PREDICTION: 0.5})
    rows = pd.DataFrame({"country": live, PREDICTION: 0.5})
    at = row_counts.points(contract, reference)
    parts = (row_counts.count(contract, rows[first::3], at) for first in range(3))
    compared = compare(contract, reference, rows, reduce(add, parts))
    pair = compared.pairs["country"]
    assert isinstance(pair, LabelPair)
    for side, labels in ((pair.reference, compared.reference), (pair.live, compared.live)):
        assert side == Counter(labels["country"].dropna())  # counts by level and hash become those of the labels
    return compared


def has_drifted(compared: Comparison) -> bool:
    found = limits.find_limits(compared, false_alarm_rate=0.01, min_distance=0.05)
    return distances.measure(compared)["country"] >= found["country"]


@pytest.mark.parametrize("weights", [EVEN, FALLING], ids=["even", "falling"])
@pytest.mark.parametrize(("training", "live"), [(5_000, 1_000), (20_000, 5_000), (20_000, 300)])
def test_unchanged_customers_with_two_thousand_levels_are_no_drift(
    training: int, live: int, weights: np.ndarray
) -> None:
    alarms = [
        has_drifted(put_side_by_side(draw(training, seed, weights), [*draw(live, 1_000 + seed, weights)]))
        for seed in range(10)
    ]
    assert sum(alarms) <= 1


@pytest.mark.parametrize("weights", [EVEN, FALLING], ids=["even", "falling"])
def test_the_training_rows_themselves_are_no_drift(weights: np.ndarray) -> None:
    rows = draw(20_000, 1, weights)
    assert not has_drifted(put_side_by_side(rows, [*rows[-3_000:]]))


@pytest.mark.parametrize("weights", [EVEN, FALLING], ids=["even", "falling"])
def test_a_new_level_and_many_new_levels_are_drift(weights: np.ndarray) -> None:
    rows, live = draw(20_000, 1, weights), draw(3_000, 2, weights)
    for new in (["Atlantis"] * 150, [f"new {at}" for at in range(300)]):
        compared = put_side_by_side(rows, [*live, *new])
        assert (compared.live["country"] == NEW).sum() >= len(new)
        assert has_drifted(compared)


def test_levels_that_training_missed_by_chance_are_not_called_new() -> None:
    rows = draw(2_000, 1, FALLING)
    live = draw(2_000, 2, FALLING)
    assert len(set(live) - set(rows)) > 50
    compared = put_side_by_side(rows, [*live])
    assert NEW not in set(compared.live["country"])
    assert not has_drifted(compared)


def test_missing_and_unreadable_values_keep_their_names() -> None:
    live: list[str | None] = [None, "a", "x" * 201, 4, *["b"] * 200]  # type: ignore[list-item]  # as in a log
    compared = put_side_by_side(["a", "b"] * 500, live)
    assert compared.live["country"].tolist()[:2] == [None, "a"]
    assert compared.live["country"].tolist()[2:4] == ["not in the contract", "not in the contract"]
    assert compared.live["country missing"].tolist()[:4] == ["missing", "known", "known", "known"]


def test_few_levels_are_labels_of_their_own() -> None:
    compared = put_side_by_side(["a", "b"] * 500, ["a"] * 300)
    assert set(compared.reference["country"]) == {"a", "b"}
