"""No customer is both trained on and tested on, nor on both sides of a fold, however often one is in the rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.columns.errors import ColumnMissing
from models.customer.contract import Labels
from models.features import CONTRACT
from tests.training import random_split
from training.data import datasets, grouping, splitting, synthetic, time_column
from training.data.grouping import Groups
from training.data.live_errors import HistoryTooShort
from training.data.splitting import Rows, RowTimes, Split
from training.errors import GroupingImpossible
from training.settings import FitSettings

CUSTOMERS, EACH = 300, 6
ROWS = CUSTOMERS * EACH


def codes(seed: int = 0) -> Rows:
    """Customers with six rows each, in no order."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(CUSTOMERS), EACH))


def outcomes(seed: int = 0, share: float = 0.2) -> Labels:
    return (np.random.default_rng(seed).random(ROWS) < share).astype(np.int64)


def days(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).permutation(ROWS).astype(np.float64)


def by_time(moments: np.ndarray, churned: Labels) -> Split:
    return splitting.by_time(churned, time_column.read(pd.Series(moments.astype(np.int64), name="day")))


def share_a_customer(split: Split, of_row: Rows) -> bool:
    """Return whether a customer is on both sides of the split or of a fold."""
    own = of_row[split.training]
    sides = [(own, of_row[split.test]), *((own[mask], own[held_out]) for mask, held_out in split.folds)]
    return any(len(np.intersect1d(*side)) for side in sides)


@given(seed=st.integers(0, 30))
def test_at_random_each_row_is_in_one_part_with_its_customer(seed: int) -> None:
    of_row, churned = codes(seed), outcomes(seed)
    split = grouping.at_random(churned, Groups(of_row, "customer"), seed=seed)
    assert sorted([*split.training, *split.test]) == list(range(ROWS))
    assert not share_a_customer(split, of_row)
    assert len(split.test) == pytest.approx(ROWS / 5, rel=0.5)
    held = [row for _, held_out in split.folds for row in held_out]
    assert sorted(held) == list(range(len(split.training)))


def test_at_random_customers_who_ever_churned_are_spread_evenly_over_the_folds() -> None:
    of_row, churned = codes(), outcomes(share=0.05)
    split = grouping.at_random(churned, Groups(of_row, "customer"), seed=1)
    own, left = of_row[split.training], set(of_row[split.training[churned[split.training] == 1]].tolist())
    for _, held_out in split.folds:
        assert len(left & set(own[held_out].tolist())) == pytest.approx(len(left) / 5, abs=1)


def test_any_seed_tests_the_same_customers_and_by_time_equal_seeds_do() -> None:
    groups, churned = Groups(codes(), "customer"), outcomes()
    first, other = (grouping.at_random(churned, groups, seed=seed) for seed in (1, 2))
    assert first.test.tolist() == other.test.tolist()
    assert first.folds[0][1].tolist() != other.folds[0][1].tolist()
    split = by_time(days(), churned)
    first, again, other = (grouping.apart(split, churned, groups, seed=seed) for seed in (1, 1, 2))
    assert first.test.tolist() == again.test.tolist() != other.test.tolist()


@given(seed=st.integers(0, 30))
def test_by_time_a_third_of_the_customers_is_tested_later_than_the_others_are_trained_on(seed: int) -> None:
    of_row, churned, moments = codes(seed), outcomes(seed, share=0.5), days(seed + 1_000)
    before = by_time(moments, churned)
    split = grouping.apart(before, churned, Groups(of_row, "customer"), seed=seed)
    assert not share_a_customer(split, of_row)
    assert moments[split.training].max() < moments[split.test].min()
    assert set(split.test) < set(before.test)
    assert set(split.training) < set(before.training)
    assert len(split.test) == pytest.approx(len(before.test) / 3, rel=0.3)
    assert len(split.training) == pytest.approx(len(before.training) * 2 / 3, rel=0.1)
    for mask, held_out in split.folds:
        when = moments[split.training]
        assert when[mask].max() < when[held_out].min()


def test_customers_who_come_once_change_nothing() -> None:
    churned = outcomes()
    before = by_time(days(), churned)
    split = grouping.apart(before, churned, Groups(np.arange(ROWS), "customer"), seed=1)
    assert (split.training.tolist(), split.test.tolist()) == (before.training.tolist(), before.test.tolist())


def test_a_few_rows_of_customers_who_are_trained_on_are_left_out_of_the_test_set() -> None:
    of_row, churned = np.arange(ROWS), outcomes()
    before = by_time(days(), churned)
    of_row[before.test[:10]] = of_row[before.training[:10]]
    split = grouping.apart(before, churned, Groups(of_row, "customer"), seed=1)
    assert split.test.tolist() == before.test[10:].tolist()
    assert split.training.tolist() == before.training.tolist()
    assert not share_a_customer(split, of_row)


def test_it_is_told_how_many_rows_and_customers_are_in_each_part() -> None:
    split = grouping.at_random(outcomes(), Groups(codes(), "account"), seed=1)
    trained, tested = len(split.training), len(split.test)
    assert split.told == (
        "by the project's hash of each customer; folds stratified by whether they churned, with seed 1; rows of one "
        f"customer, as account tells them apart, stay together: trained on {trained:,} rows of {trained // 6} "
        f"customers, tested on {tested} rows of {tested // 6} customers"
    )


def test_without_grouping_a_model_that_recognises_customers_looks_too_good(tmp_path: Path) -> None:
    customers, _ = synthetic.sample(CUSTOMERS, seed=5)
    repeated = pd.concat([customers.assign(account=[f"A{number}" for number in range(CUSTOMERS)])] * EACH)
    repeated.to_csv(tmp_path / "rows.csv", index=False)

    def recognised(group: str | None) -> float:
        settings = FitSettings(data=str(tmp_path / "rows.csv"), group_column=group)
        dataset = datasets.load(settings, CONTRACT)
        split = (
            random_split.of(dataset.churned, seed=1)
            if dataset.groups is None
            else grouping.at_random(dataset.churned, dataset.groups, seed=1)
        )
        rows = pd.util.hash_pandas_object(dataset.features, index=False).to_numpy()
        return float(np.isin(rows[split.test], rows[split.training]).mean())

    assert recognised(None) > 0.95
    assert recognised("account") < 0.02


@pytest.mark.parametrize("cells", [["C1", "c1", "C2"], [1, 2, 3], [1.0, 2.0, 3.5]], ids=["text", "integer", "float"])
def test_ids_are_told_apart_whatever_their_type(cells: list[object]) -> None:
    assert grouping.read(pd.Series(cells * 2, name="account")).customers == 3


def test_an_id_is_the_same_however_it_is_written() -> None:
    cells = pd.Series(["7", 7, 7.0, " 7 ", "8"], name="account", dtype=object)
    found = grouping.read(cells)
    assert (found.customers, len(set(found.codes[:4].tolist()))) == (2, 1)


def test_ids_that_are_words_for_true_and_false_are_no_numbers() -> None:
    assert grouping.read(pd.Series(["true", "1", "false", "0", "True"], name="account")).customers == 5


def test_words_for_unknown_of_the_columns_file_are_no_ids(table: Path) -> None:
    rows = pd.read_csv(table).astype({"account": object})
    rows.loc[[0, 400], "account"] = [" k.A.", "9.0"]
    rows.to_csv(table, index=False)
    columns = table.with_name("columns.toml")
    columns.write_text('[csv]\nnulls = ["k.A.", "9"]\n')
    settings = FitSettings(data=str(table), group_column="account", columns=columns)
    with pytest.raises(GroupingImpossible, match="--group-column account: it is empty in 5 of 600 rows"):
        datasets.load(settings, CONTRACT)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (["a", None, "b"], "it is empty in 1 of 3 rows"),
        (["a", "", " "], "it is empty in 2 of 3 rows"),
        ([1.0, np.nan, 2.0], "it is empty in 1 of 3 rows"),
        (["a", "NULL", "N/A"], "it is empty in 2 of 3 rows"),
        (["a", "a", "a"], "all rows are of one customer"),
    ],
)
def test_ids_that_are_unknown_or_all_the_same_are_refused(cells: list[object], problem: str) -> None:
    with pytest.raises(GroupingImpossible, match=f"--group-column account: {problem}. Name a column with the id"):
        grouping.read(pd.Series(cells, name="account"))


def test_too_few_customers_who_churned_are_refused() -> None:
    of_row = np.sort(codes())
    churned = (of_row < 9).astype(np.int64)
    with pytest.raises(GroupingImpossible, match="9 of its customers churned and 291 never did; 10 are needed"):
        grouping.at_random(churned, Groups(of_row, "account"), seed=1)


def test_where_each_customer_churned_at_some_time_the_split_is_by_customer_alone() -> None:
    of_row = np.sort(codes())
    churned = (np.arange(ROWS) % EACH == 0).astype(np.int64)
    split = grouping.at_random(churned, Groups(of_row, "account"), seed=1)
    assert not share_a_customer(split, of_row)
    assert len(split.test) == pytest.approx(ROWS / 5, rel=0.5)


def test_a_part_of_hardly_any_churners_is_refused_by_the_option_that_made_it() -> None:
    churned, moments = np.zeros(ROWS, dtype=np.int64), days()
    churned[np.argsort(moments)[::8]] = 1
    churned[np.argsort(moments)[-ROWS // 5 :]] = 0
    churned[np.argsort(moments)[-6:]] = 1
    split = by_time(moments, churned)
    with pytest.raises(GroupingImpossible, match="--group-column account: the test set has fewer than 5 rows"):
        grouping.apart(split, churned, Groups(codes(), "account"), seed=1)
    made = np.sort(moments)
    in_order = splitting.as_known(churned[np.argsort(moments)], RowTimes(made, made))
    with pytest.raises(HistoryTooShort, match="the test set, with the rows of a customer together, would have"):
        grouping.apart(in_order, churned[np.argsort(moments)], Groups(codes()), seed=1)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    customers, _ = synthetic.sample(600, seed=5)
    customers.assign(account=[number % 200 for number in range(600)]).to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


def test_a_column_that_is_not_there_is_named_with_the_nearest(table: Path) -> None:
    with pytest.raises(ColumnMissing, match=r'no column "acount".* is "account" for .*--group-column'):
        datasets.load(FitSettings(data=str(table), group_column="acount"), CONTRACT)


@pytest.mark.parametrize(
    ("column", "problem"),
    [("churned", "it is the target"), (CONTRACT.names[0], "a feature is made from it")],
    ids=["the target", "a feature"],
)
def test_a_feature_and_the_target_tell_no_customers_apart(table: Path, column: str, problem: str) -> None:
    with pytest.raises(GroupingImpossible, match=f"--group-column {column}: {problem}"):
        datasets.load(FitSettings(data=str(table), group_column=column), CONTRACT)


def test_live_rows_have_no_group_column() -> None:
    with pytest.raises(GroupingImpossible, match="the log tells the customers of live rows apart"):
        datasets.load(FitSettings(data="live", group_column="account"), CONTRACT)


def test_rejected_rows_take_their_customer_along(table: Path) -> None:
    rows = pd.read_csv(table)
    rows.loc[[0, 400], CONTRACT.names[0]] = -1
    rows.to_csv(table, index=False)
    dataset = datasets.load(FitSettings(data=str(table), group_column="account"), CONTRACT)
    assert dataset.groups is not None
    left = [number % 200 for number in range(600) if number not in (0, 400)]
    assert pd.factorize(dataset.groups.codes)[0].tolist() == pd.factorize(np.array(left))[0].tolist()
    assert (dataset.provenance.rows, dataset.provenance.customers) == (598, 200)
    assert "account" not in {*dataset.features, *dataset.others}
