"""A row is on one side of the split by its hash alone, in any table that has the row and with any seed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.customer.contract import Labels
from models.features import CONTRACT
from tests.training import random_split
from training import pipeline
from training.data import datasets, splitting, synthetic
from training.data.hashing import hash_split, row_hash
from training.data.splitting import Split
from training.errors import HashSplitImpossible
from training.partitioned import preparation
from training.partitioned.executor import InProcess
from training.settings import FitSettings

ROWS = 2_000


def outcomes(*, seed: int = 0, share: float = 0.3) -> Labels:
    return (np.random.default_rng(seed).random(ROWS) < share).astype(np.int64)


def held_out(split: Split) -> list[int]:
    return [position for _, rows in split.folds for position in rows.tolist()]


def customers(rows: int, *, seed: int) -> pd.DataFrame:
    table, _ = synthetic.sample(rows, seed=seed)
    return table


def split_of(table: pd.DataFrame, *, seed: int = 1) -> tuple[pd.DataFrame, Split]:
    hashes = row_hash.of(table, CONTRACT)
    return table, hash_split.at_random(table["churned"].to_numpy(), hashes, seed=seed)


def test_every_row_is_in_one_part_and_a_fifth_are_judged() -> None:
    split = random_split.of(outcomes(), seed=1)
    assert sorted([*split.training, *split.test]) == list(range(ROWS))
    assert len(split.test) == pytest.approx(ROWS / 5, rel=0.1)


@given(seed=st.integers(0, 50), share=st.floats(0.1, 0.9))
def test_each_fold_has_its_share_of_churners(seed: int, share: float) -> None:
    churned = outcomes(seed=seed, share=share)
    split = random_split.of(churned, seed=seed)
    own = churned[split.training]
    for _, held in split.folds:
        assert own[held].sum() == pytest.approx(own.sum() / 5, abs=1)
        assert len(held) == pytest.approx(len(own) / 5, abs=2)


def test_each_training_row_is_held_out_once_and_learned_from_otherwise() -> None:
    split = random_split.of(outcomes(), seed=1)
    everybody = list(range(len(split.training)))
    assert len(split.folds) == splitting.FOLDS
    assert sorted(held_out(split)) == everybody
    assert all(sorted([*np.flatnonzero(kept), *held]) == everybody for kept, held in split.folds)


def test_the_seed_moves_the_folds_and_never_the_test_set() -> None:
    first, again, other = (random_split.of(outcomes(), seed=seed) for seed in (1, 1, 2))
    assert first.test.tolist() == again.test.tolist() == other.test.tolist()
    assert held_out(first) == held_out(again) != held_out(other)
    assert "seed 1" in first.told


def test_a_row_stays_on_its_side_when_the_table_grows_and_in_any_order() -> None:
    rows = customers(3_000, seed=4)
    (less, old), (more, new) = split_of(rows.head(2_000)), split_of(rows.sample(frac=1, random_state=1), seed=8)
    assert set(less.index[old.test]) == {row for row in more.index[new.test] if row < 2_000}


def test_the_order_of_the_table_changes_nothing() -> None:
    rows = customers(ROWS, seed=4)
    (table, split), (shuffled, again) = split_of(rows), split_of(rows.sample(frac=1, random_state=1))
    assert table.index[split.training].tolist() == shuffled.index[again.training].tolist()
    assert [rows.tolist() for _, rows in split.folds] == [rows.tolist() for _, rows in again.folds]


def test_equal_rows_stay_together_also_in_the_folds() -> None:
    rows = customers(ROWS, seed=4)
    table, split = split_of(pd.concat([rows, rows.sample(800, random_state=1)], ignore_index=True))
    hashes = row_hash.of(table, CONTRACT)
    assert not set(hashes[split.training]) & set(hashes[split.test])
    own = hashes[split.training]
    for kept, held in split.folds:
        assert not set(own[kept]) & set(own[held])


@pytest.mark.parametrize("group", [None, "account"], ids=["by row", "by customer"])
def test_a_fit_in_parts_holds_out_the_same_rows(tmp_path: Path, group: str | None) -> None:
    rows = customers(ROWS, seed=4).assign(account=[f"A{number % 900}" for number in range(ROWS)])
    rows.to_parquet(tmp_path / "rows.parquet")
    settings = FitSettings(data=str(tmp_path / "rows.parquet"), group_column=group)
    whole = pipeline._whole(settings, CONTRACT).taken.test
    parts = preparation.prepare(settings.model_copy(update={"seed": 3}), CONTRACT, 255, InProcess()).taken.test
    names = list(CONTRACT.names)
    expected, found = (one.rows.assign(churned=one.churned).sort_values(names) for one in (whole, parts))
    pd.testing.assert_frame_equal(expected.reset_index(drop=True), found.reset_index(drop=True))


def test_other_types_of_the_source_are_split_alike(tmp_path: Path) -> None:
    rows = customers(ROWS, seed=4)
    rows.to_parquet(tmp_path / "rows.parquet")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    typed, text = (
        pipeline._split(datasets.load(FitSettings(data=str(path)), CONTRACT), FitSettings(data=str(path)), CONTRACT)
        for path in (tmp_path / "rows.parquet", tmp_path / "rows.csv")
    )
    np.testing.assert_array_equal(typed.test, text.test)


def test_a_part_of_hardly_any_churners_is_refused_with_a_remedy() -> None:
    churned, split = outcomes(), random_split.of(outcomes(), seed=1)
    churned[split.test[churned[split.test] == 1][4:]] = 0
    with pytest.raises(HashSplitImpossible, match=r"the test set has 4 rows .*; at least 5 .* Bring more rows"):
        random_split.of(churned, seed=1)
    churned = outcomes()
    churned[split.training[churned[split.training] == 1][9:]] = 0
    with pytest.raises(HashSplitImpossible, match=r"a fold has 1 rows of customers who churned .* at least 2"):
        random_split.of(churned, seed=1)


def test_a_table_of_few_different_rows_is_refused() -> None:
    same = np.repeat(row_hash.mixed(np.arange(3, dtype=np.uint64)), 500)
    with pytest.raises(HashSplitImpossible, match=r"equal rows stay together.* name a --group-column"):
        hash_split.at_random(outcomes()[: len(same)], same, seed=1)


def test_the_salt_stays_the_same_from_release_to_release() -> None:
    hashes = row_hash.mixed(np.arange(20, dtype=np.uint64))
    assert np.flatnonzero(hash_split.test_rows().of(hashes)).tolist() == [3, 7, 8, 9, 11, 17]
