import numpy as np
import pandas as pd
import pytest

from models.features import CONTRACT
from training.data import synthetic
from training.data.hashing import row_hash
from training.partitioned import snapped_part
from training.partitioned.executor import InProcess
from training.partitioned.snapped_part import MISSING, SnappedPart

EDGES = [np.array([1, 5, 9], np.float32), np.array([], np.float32)]


def test_a_row_has_its_hash_in_any_partition() -> None:
    rows, _ = synthetic.sample(1_000, seed=1)
    parts = np.concatenate([row_hash.of(rows[first : first + 300], CONTRACT) for first in range(0, 1_000, 300)])
    np.testing.assert_array_equal(row_hash.of(rows, CONTRACT), parts)


def test_equal_values_of_other_types_have_the_same_hash() -> None:
    rows, _ = synthetic.sample(100, seed=1)
    other = rows.astype({"tenure_months": float, "contract_type": object})
    np.testing.assert_array_equal(row_hash.of(rows, CONTRACT), row_hash.of(other, CONTRACT))


def test_negative_zero_and_zero_have_the_same_hash() -> None:
    rows, _ = synthetic.sample(2, seed=1)
    positive, negative = (row_hash.of(rows.assign(total_charges=zero), CONTRACT) for zero in (0.0, -0.0))
    np.testing.assert_array_equal(positive, negative)


def test_the_hash_ignores_the_outcome() -> None:
    rows, _ = synthetic.sample(100, seed=1)
    np.testing.assert_array_equal(
        row_hash.of(rows, CONTRACT), row_hash.of(rows.assign(churned=1 - rows["churned"]), CONTRACT)
    )


def test_values_in_other_columns_have_another_hash() -> None:
    rows, _ = synthetic.sample(100, seed=1)
    rows = rows.assign(tenure_months=3, support_tickets=4)
    swapped = rows.assign(tenure_months=4, support_tickets=3)
    assert not np.any(row_hash.of(rows, CONTRACT) == row_hash.of(swapped, CONTRACT))


def test_unknown_texts_have_one_hash_and_others_their_own() -> None:
    hashes = row_hash.of_texts(pd.Series(["a", None, np.nan, "b", "a"], dtype=object))
    assert hashes[1] == hashes[2]
    assert hashes[0] == hashes[4]
    assert len(set(hashes.tolist())) == 3


def test_draws_are_even_and_independent_of_other_salts() -> None:
    hashes = row_hash.mixed(np.arange(100_000, dtype=np.uint64))
    first, second = (row_hash.uniform(hashes, salt) for salt in ("7/test", "7/fold"))
    assert min(first.min(), second.min()) >= 0
    assert max(first.max(), second.max()) < 1
    assert np.histogram(first, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.04)
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0, abs=0.02)


def test_hashes_and_draws_stay_the_same_from_release_to_release() -> None:
    rows = pd.DataFrame(
        {
            "tenure_months": [3],
            "monthly_charges": [70.5],
            "total_charges": [np.nan],
            "support_tickets": [2],
            "contract_type": [0],
        }
    )
    hashes = row_hash.of(rows, CONTRACT)
    assert hashes.tolist() == [8_799_133_172_619_417_844]
    assert row_hash.uniform(hashes, "7/test").tolist() == [0.5321701606136506]


def test_values_are_snapped_to_the_edge_below() -> None:
    matrix = np.array([[1, 0], [4.9, 2], [5, np.nan], [99, 1], [-3, 1], [np.nan, 1]], np.float32)
    codes = snapped_part.snap(matrix, EDGES)
    assert codes[:, 0].tolist() == [0, 0, 1, 2, 0, MISSING]
    assert codes[:, 1].tolist() == [MISSING] * 6
    part = SnappedPart(codes, np.zeros(6, bool), np.zeros(6, np.uint64))
    np.testing.assert_array_equal(snapped_part.values(part, EDGES)[:, 0], [1, 1, 5, 9, 1, np.nan])


def test_a_split_at_an_edge_divides_raw_and_snapped_values_alike() -> None:
    raw = np.random.default_rng(0).normal(5, 5, (1_000, 2)).astype(np.float32)
    part = SnappedPart(snapped_part.snap(raw, EDGES), np.zeros(1_000, bool), np.zeros(1_000, np.uint64))
    snapped = snapped_part.values(part, EDGES)
    for edge in EDGES[0][1:]:
        np.testing.assert_array_equal(raw[:, 0] < edge, snapped[:, 0] < edge)


def test_results_come_in_the_order_of_the_parts() -> None:
    executor = InProcess()
    kept = list(executor.map(lambda part: part + 1, [1, 2, 3], keep=True))
    assert list(executor.map(lambda part: part * 10, kept, keep=False)) == [20, 30, 40]
