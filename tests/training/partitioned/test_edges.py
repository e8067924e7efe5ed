import numpy as np
import pytest

from training.partitioned import edges

RNG = np.random.default_rng(0)
COLUMNS = {
    "few values": RNG.poisson(3, 20_000),
    "many values": RNG.normal(0, 100, 200_000),
    "many values and a frequent one": np.concatenate([np.zeros(100_000), RNG.lognormal(3, 2, 100_000)]),
    "missing values": np.concatenate([np.full(500, np.nan), RNG.normal(0, 1, 500)]),
    "no value": np.full(100, np.nan),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("parts", [1, 3, 7])
def test_any_partition_in_any_order_has_the_same_counts(name: str, parts: int) -> None:
    column = COLUMNS[name].astype(np.float32)
    merged = edges.none()
    for part in np.array_split(np.random.default_rng(parts).permutation(column), parts):
        merged = edges.count(part).merged(merged)
    whole = edges.count(column)
    assert merged.cut == whole.cut
    np.testing.assert_array_equal(merged.keys, whole.keys)
    np.testing.assert_array_equal(merged.rows, whole.rows)
    assert whole.rows.sum() == np.isfinite(column).sum()


def test_few_values_are_all_edges() -> None:
    column = np.array([3, -2, 3, 0.5, -0.0, 0.0, np.nan], np.float32)
    counts = edges.count(column)
    assert edges.choose(counts, 255).tolist() == [-2, 0, 0.5, 3]
    assert counts.rows.tolist() == [1, 2, 1, 2]


def test_as_many_rows_lie_between_any_two_edges() -> None:
    column = RNG.normal(50, 9, 300_000).astype(np.float32)
    found = edges.choose(edges.count(column), 63)
    rows = np.histogram(column, [*found, np.inf])[0]
    assert len(found) == 63
    assert found[0] <= column.min()
    assert rows == pytest.approx(np.full(63, 300_000 / 63), rel=0.1)


def test_a_frequent_value_has_edges_on_both_sides() -> None:
    column = np.concatenate([np.linspace(-1, 1, 1_000), np.full(5_000, 0.5)]).astype(np.float32)
    found = edges.choose(edges.count(column), 20)
    at = found.tolist().index(0.5)
    assert found[at + 1] < 0.51
    assert len(found) == 20
    assert np.all(np.diff(found) > 0)
