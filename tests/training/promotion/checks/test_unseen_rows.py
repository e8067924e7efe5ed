"""Two models are compared on rows that neither was trained on, if these are like all test rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.features import CONTRACT
from tests.descriptions import describe, fill
from training.data import dataset_split, datasets, grouping, holdout
from training.data.datasets import Dataset
from training.data.grouping import Groups
from training.data.hashing import hash_split, row_hash
from training.data.splitting import Split
from training.promotion.checks import unseen_rows
from training.promotion.errors import RowsUnlikeTestSet, TooFewUnseenRows
from training.settings import FitSettings

ROWS = 3_000


@pytest.fixture(scope="module")
def whole() -> Dataset:
    """Synthetic customers, a table that has grown by its last twentieth."""
    return datasets.load(FitSettings(rows=ROWS), CONTRACT)


def first(dataset: Dataset, rows: int) -> Dataset:
    return replace(dataset, features=dataset.features.head(rows), churned=dataset.churned[:rows], true_probability=None)


def by_hash(dataset: Dataset, *, seed: int) -> Split:
    return hash_split.at_random(dataset.churned, row_hash.of(dataset.features, CONTRACT), seed=seed)


def by_seed(dataset: Dataset, *, seed: int) -> Split:
    """Split as a release before the hash did."""
    rows = np.arange(len(dataset.churned))
    training, test = train_test_split(rows, test_size=0.2, stratify=dataset.churned, random_state=seed)
    return Split(training, test, [], f"at random, stratified by outcome, with seed {seed}")


def publish(folder: Path, dataset: Dataset, split: Split) -> Bundle:
    folder.mkdir()
    taken = dataset_split.take(dataset, split, CONTRACT, others=[], seed=7)
    holdout.write(folder, taken, baseline=np.full(len(split.test), 0.5))
    data = dataset.provenance.model_copy(update={"sha256": f"{len(dataset.churned):064}"})
    described = describe(CONTRACT, data=data, split=split.told)
    trained_at = pd.Timestamp("2026-03-01", tz="UTC").to_pydatetime()
    return bundle.save(fill(folder), described, CONTRACT, trained_at=trained_at, models_dir=folder.parent / "models")


def find(folder: Path, models: Sequence[tuple[Dataset, Split]], *, min_rows: int = 300) -> holdout.Holdout:
    """Compare the second model with the first."""
    champion, challenger = (publish(folder / str(number), *one) for number, one in enumerate(models))
    return unseen_rows.find(challenger, champion, CONTRACT, min_rows=min_rows)


def test_a_model_of_a_grown_table_is_judged_on_all_its_test_rows(tmp_path: Path, whole: Dataset) -> None:
    less = first(whole, ROWS * 95 // 100)
    split = by_hash(whole, seed=8)
    rows = find(tmp_path, [(less, by_hash(less, seed=7)), (whole, split)])
    assert len(rows.churned) == len(split.test)
    assert rows.churned.mean() == pytest.approx(whole.churned.mean(), abs=0.05)


def test_rows_with_another_share_of_churners_are_refused_with_a_remedy(tmp_path: Path, whole: Dataset) -> None:
    less = first(whole, ROWS * 95 // 100)
    models = [(less, by_seed(less, seed=7)), (whole, by_seed(whole, seed=7))]
    with pytest.raises(RowsUnlikeTestSet, match=r"were drawn with a seed\. Fit again on the same rows") as caught:
        find(tmp_path, models, min_rows=50)
    among, of_all = caught.value.shares
    assert of_all == pytest.approx(whole.churned.mean(), abs=0.01)
    assert abs(among - of_all) > 0.05


def test_a_model_from_before_the_hash_shares_few_rows_and_is_named(tmp_path: Path, whole: Dataset) -> None:
    with pytest.raises(TooFewUnseenRows, match=r"The test rows of \w+-\w+ were drawn with a seed") as caught:
        find(tmp_path, [(whole, by_seed(whole, seed=7)), (whole, by_hash(whole, seed=7))])
    assert "at least 300 are needed" in str(caught.value)


def test_a_model_from_before_the_hash_is_judged_where_rows_suffice(tmp_path: Path, whole: Dataset) -> None:
    rows = find(tmp_path, [(whole, by_seed(whole, seed=7)), (whole, by_hash(whole, seed=7))], min_rows=80)
    assert 80 < len(rows.churned) < 200


def test_chance_is_no_reason_to_refuse(whole: Dataset) -> None:
    every = holdout.Holdout(whole.features, whole.churned, np.full(ROWS, 0.5))
    rng, refused = np.random.default_rng(0), 0
    for _ in range(300):
        drawn = np.zeros(ROWS, dtype=np.bool_)
        drawn[rng.permutation(ROWS)[:600]] = True
        refused += unseen_rows.is_surely_unlike(every.keep(drawn), every)
    assert refused <= 2
    assert unseen_rows.is_surely_unlike(every.keep(np.arange(ROWS) < 600 * (1 - whole.churned)), every)


def test_customers_are_kept_as_numbers_and_drawn_together(tmp_path: Path, whole: Dataset) -> None:
    grouped = replace(whole, groups=Groups(np.arange(ROWS) // 3 + 10**12, "account"))
    assert grouped.groups is not None
    split = hash_split.by_group(whole.churned, grouped.groups.codes.astype(np.uint64), seed=7, told="by customer")
    rows = holdout.read(publish(tmp_path / "one", grouped, split), CONTRACT)
    assert rows.customers is not None
    assert sorted(set(rows.customers.tolist())) == list(range(len(split.test) // 3))


def of_few_kinds(dataset: Dataset, *, column: str | None) -> tuple[Dataset, Split]:
    """Give all customers one of 48 rows; each has an id of its own, and is split by it if `column` names it."""
    kinds = dataset.features.iloc[np.arange(len(dataset.churned)) % 48].reset_index(drop=True)
    alike = replace(dataset, features=kinds, true_probability=None)
    if column is None:
        return alike, by_hash(alike, seed=7)
    ids = pd.Series([f"C{number}" for number in range(len(kinds))], name=column)
    grouped = replace(alike, groups=grouping.read(ids))
    assert grouped.groups is not None
    return grouped, grouping.at_random(grouped.churned, grouped.groups, seed=7)


def test_customers_with_equal_rows_are_judged_if_both_models_hold_out_the_same(tmp_path: Path, whole: Dataset) -> None:
    less = of_few_kinds(first(whole, ROWS * 9 // 10), column="customer_id")
    more = of_few_kinds(whole, column="customer_id")
    assert len(find(tmp_path, [less, more]).churned) == len(more[1].test)


def test_models_split_by_ids_of_other_columns_are_told_so(tmp_path: Path, whole: Dataset) -> None:
    less = of_few_kinds(first(whole, ROWS * 9 // 10), column="account")
    with pytest.raises(TooFewUnseenRows, match=r"split in different ways\. Fit both with the same --group-column"):
        find(tmp_path, [less, of_few_kinds(whole, column="customer_id")])


def test_too_few_different_rows_are_the_reason_that_is_told(tmp_path: Path, whole: Dataset) -> None:
    models = [of_few_kinds(first(whole, ROWS * 9 // 10), column=None), of_few_kinds(whole, column=None)]
    with pytest.raises(TooFewUnseenRows, match=r"Many test rows are equal and count once\. .* the same --group-column"):
        find(tmp_path, models)
