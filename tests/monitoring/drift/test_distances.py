"""The distances equal SciPy's for all kinds of columns."""

import numpy as np
import pandas as pd
import pytest

from monitoring.drift import distances


def test_numbers_are_as_far_apart_as_their_cumulative_shares() -> None:
    reference, live = pd.Series([1.0, 2, 3, 4]), pd.Series([3.0, 4, 5, 6])
    assert distances.between(reference, live, "number") == pytest.approx(0.5)


@pytest.mark.parametrize("live", [["a", "b"], ["b", "a", "a", "b"]])
def test_labels_in_the_same_shares_are_alike(live: list[str]) -> None:
    assert distances.between(pd.Series(["a", "b"]), pd.Series(live), "label") == pytest.approx(0, abs=1e-9)


def test_labels_that_only_one_side_has_are_as_far_apart_as_can_be() -> None:
    far = distances.between(pd.Series(["a", "b"]), pd.Series(["c", "c"]), "label")
    assert far == pytest.approx(np.log(2) ** 0.5)


def test_labels_are_as_far_apart_as_half_the_relative_entropies_to_their_middle() -> None:
    reference, live = np.array([0.8, 0.2]), np.array([0.5, 0.5])
    middle = (reference + live) / 2
    entropies = sum((side * np.log(side / middle)).sum() for side in (reference, live))
    measured = distances.between(pd.Series([*"aaaab"]), pd.Series([*"ab"]), "label")
    assert measured == pytest.approx((entropies / 2) ** 0.5)
