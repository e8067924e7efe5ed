"""Limits keep the false alarm rate on unchanged rows, and shrink with more rows down to the smallest distance."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial import distance

from monitoring.drift import limits
from monitoring.drift.column_pair import LabelPair, NumberPair, Pair
from monitoring.drift.comparison import Comparison

REFERENCE, LIVE = 2_000, 500
EFFECTIVE = REFERENCE * LIVE / (REFERENCE + LIVE)


def test_the_kolmogorov_smirnov_limit_is_passed_as_often_as_asked_for() -> None:
    rng = np.random.default_rng(0)
    limit = limits.kolmogorov_smirnov(EFFECTIVE, 0.05)
    distances = [
        stats.ks_2samp(rng.normal(size=REFERENCE), rng.normal(size=LIVE), method="asymp").statistic
        for _ in range(1_000)
    ]
    assert 0.03 < np.mean(np.array(distances) >= limit) < 0.07


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.25] * 4, [0.6, 0.3, 0.1]])
def test_the_jensen_shannon_limit_is_passed_as_often_as_asked_for(shares: list[float]) -> None:
    rng = np.random.default_rng(0)
    limit = limits.jensen_shannon(EFFECTIVE, len(shares), 0.05)
    drawn = rng.multinomial(REFERENCE, shares, 1_000) / REFERENCE, rng.multinomial(LIVE, shares, 1_000) / LIVE
    assert 0.03 < np.mean(distance.jensenshannon(*drawn, axis=1) >= limit) < 0.07


def comparison(rows: int, numbers: int = 1) -> Comparison:
    half = {"one": rows // 2, "two": rows // 2}
    pairs = {f"number {at}": number(rows, rows) for at in range(numbers)} | {"label": LabelPair(half, half)}
    return Comparison(pd.DataFrame(), pd.DataFrame(), pairs, features={})


def number(reference: int, live: int) -> Pair:
    return NumberPair(np.array([0.0]), np.array([0, reference, 0]), np.array([live, 0, 0]))


def find(columns: Comparison) -> dict[str, float]:
    return limits.find_limits(columns, false_alarm_rate=0.01, min_distance=0.05)


def test_limits_shrink_with_rows_down_to_the_smallest_distance_that_matters() -> None:
    assert all(limit > 0.05 for limit in find(comparison(200)).values())
    assert find(comparison(100_000)) == {"number 0": 0.05, "label": 0.05}


def test_the_columns_of_a_run_share_its_false_alarms() -> None:
    assert find(comparison(200, numbers=9))["number 0"] == limits.kolmogorov_smirnov(100, 0.001)


def test_missing_values_do_not_count_as_rows() -> None:
    whole = comparison(200)
    half_missing = replace(whole, pairs={**whole.pairs, "number 0": number(200, 100)})
    assert find(half_missing)["number 0"] == limits.kolmogorov_smirnov(200 * 100 / 300, 0.005)


def test_a_column_without_limit_is_one_that_is_not_judged() -> None:
    whole = comparison(200)
    unjudged = replace(whole, pairs={**whole.pairs, "label": LabelPair({"one": 200}, {"one": 200})})
    assert unjudged.unjudged == {"label": "always one"}
    assert find(unjudged) == {"number 0": limits.kolmogorov_smirnov(100, 0.01)}


def test_even_a_single_value_has_a_limit() -> None:
    assert 0.9 < limits.kolmogorov_smirnov(0.5, 0.001) <= 1
