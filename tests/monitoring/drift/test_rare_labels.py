"""Hundreds of labels raise no false alarm, a real shift among them shows, and few labels keep their names."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from monitoring.drift import distances, limits, rare_labels
from monitoring.drift.column_pair import LabelPair
from monitoring.drift.row_counts import UNREADABLE

REFERENCE = 5_000


def zipf(labels: int) -> np.ndarray:
    weights = 1 / np.arange(1, labels + 1)
    return np.asarray(weights / weights.sum())


def draw(rows: int, shares: np.ndarray, rng: np.random.Generator) -> dict[str, int]:
    return {f"label {at}": int(count) for at, count in enumerate(rng.multinomial(rows, shares)) if count}


def has_drifted(reference: dict[str, int], live: dict[str, int], rate: float) -> bool:
    pooling = rare_labels.choose(reference, live)
    pair = LabelPair(*(pooling.count(side) if pooling else side for side in (reference, live)))
    effective = pair.rows[0] * pair.rows[1] / sum(pair.rows)
    return distances.between(pair) >= limits.jensen_shannon(effective, len(pair.labels), rate)


@pytest.mark.parametrize("rows", [500, 5_000])
@pytest.mark.parametrize("labels", [10, 100, 500])
def test_unchanged_categories_pass_their_limit_as_often_as_asked_for(labels: int, rows: int) -> None:
    rng, shares = np.random.default_rng(1), zipf(labels)
    alarms = [has_drifted(draw(REFERENCE, shares, rng), draw(rows, shares, rng), 0.05) for _ in range(300)]

    assert 0.02 <= np.mean(alarms) <= 0.08


@pytest.mark.parametrize("place", [0, 399], ids=["a frequent label", "a rare label"])
def test_a_label_that_grows_by_six_points_is_drift_among_five_hundred(place: int) -> None:
    rng, shares = np.random.default_rng(0), zipf(500)
    moved = 0.94 * shares + 0.06 * (np.arange(500) == place)

    assert has_drifted(draw(REFERENCE, shares, rng), draw(5_000, moved, rng), 0.0001)


def test_few_labels_are_never_pooled() -> None:
    assert rare_labels.choose({f"label {at}": 1 for at in range(10)}, {"label 0": 1_000}) is None


def test_rows_and_counts_get_the_same_labels_and_what_is_no_label_keeps_its_name() -> None:
    rows = pd.Series([None, UNREADABLE, *np.repeat([f"label {at}" for at in range(60)], range(60, 0, -1))])
    counts = Counter(rows.dropna())
    pooling = rare_labels.choose(counts, counts)
    assert pooling is not None

    pooled = pooling.of_rows(rows)
    assert pooled.iloc[0] is None
    assert pooled.iloc[1] == UNREADABLE
    assert pooling.count(counts) == Counter(pooled.dropna())
    assert pooling.own == {UNREADABLE, *(f"label {at}" for at in range(42))}  # 19 rows and more of 1,831
    assert {name for name in pooled.dropna() if name not in pooling.own} <= {
        f"other levels {at} of {pooling.groups}" for at in range(1, pooling.groups + 1)
    }
