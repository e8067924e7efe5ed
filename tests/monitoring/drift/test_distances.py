"""The distances of counts equal SciPy's of rows for all kinds of columns."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from monitoring.drift import distances
from monitoring.drift.column_pair import LabelPair, NumberPair


def count(points: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Count one number after the other, as `row_counts` counts columns."""
    cells = [2 * int((points < number).sum()) + int(number in points) for number in numbers]
    return np.bincount(cells, minlength=2 * len(points) + 1)


def measure_numbers(reference: np.ndarray, live: np.ndarray) -> float:
    points = np.unique(reference)
    return distances.between(NumberPair(points, count(points, reference), count(points, live)))


def measure_labels(reference: str, live: str) -> float:
    return distances.between(LabelPair(Counter(reference), Counter(live)))


def test_numbers_are_as_far_apart_as_their_cumulative_shares() -> None:
    assert measure_numbers(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])) == 0.5


@pytest.mark.parametrize("seed", range(20))
def test_the_distance_of_counts_is_exactly_that_of_all_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, live = rng.normal(size=300).round(seed % 4), rng.normal(rng.normal(), 2, size=700).round(seed % 3)
    assert measure_numbers(reference, live) == stats.ks_2samp(reference, live, method="asymp").statistic


@pytest.mark.parametrize("live", ["ab", "baab"])
def test_labels_in_the_same_shares_are_alike(live: str) -> None:
    assert measure_labels("ab", live) == pytest.approx(0, abs=1e-9)


def test_labels_that_only_one_side_has_are_as_far_apart_as_can_be() -> None:
    assert measure_labels("ab", "cc") == pytest.approx(np.log(2) ** 0.5)


def test_labels_are_as_far_apart_as_half_the_relative_entropies_to_their_middle() -> None:
    reference, live = np.array([0.8, 0.2]), np.array([0.5, 0.5])
    middle = (reference + live) / 2
    entropies = sum((side * np.log(side / middle)).sum() for side in (reference, live))
    assert measure_labels("aaaab", "ab") == pytest.approx((entropies / 2) ** 0.5)
