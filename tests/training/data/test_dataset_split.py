"""Each part has its own rows in the order of the split, and keeps no reference to the source table."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.bundles.format.provenance import Provenance
from models.features import CONTRACT
from tests.training import random_split
from training.data import dataset_split, synthetic
from training.data.dataset_split import DatasetSplit
from training.data.datasets import Dataset
from training.data.splitting import Split

ROWS = 1_000


@pytest.fixture
def dataset() -> Dataset:
    customers, probability = synthetic.sample(ROWS, seed=5)
    provenance = Provenance(source="test", query=None, rows=ROWS, rejected_rows=0, sha256="0" * 64)
    regions = pd.DataFrame({"region": ["north", "south"] * (ROWS // 2)})
    return Dataset(
        customers[list(CONTRACT.names)], customers["churned"].to_numpy(), regions, probability, provenance=provenance
    )


@pytest.fixture
def split(dataset: Dataset) -> Split:
    return random_split.of(dataset.churned, seed=1)


def take(dataset: Dataset, split: Split) -> DatasetSplit:
    return dataset_split.take(dataset, split, CONTRACT, others=["region"], seed=3)


def test_each_part_has_its_rows_in_the_order_of_the_split(dataset: Dataset, split: Split) -> None:
    taken, whole = take(dataset, split), CONTRACT.to_matrix(dataset.features)
    np.testing.assert_array_equal(taken.matrix, whole[split.training])
    np.testing.assert_array_equal(taken.churned, dataset.churned[split.training])
    np.testing.assert_array_equal(taken.test.matrix, whole[split.test])
    np.testing.assert_array_equal(taken.test.churned, dataset.churned[split.test])
    assert dataset.true_probability is not None
    assert taken.test.true_probability is not None
    np.testing.assert_array_equal(taken.test.true_probability, dataset.true_probability[split.test])
    assert (taken.folds, taken.told, taken.provenance) == (split.folds, split.told, dataset.provenance)


def test_groups_are_made_of_the_test_set_by_every_feature_and_what_else_was_asked_for(
    dataset: Dataset, split: Split
) -> None:
    found = take(dataset, split).test.columns
    assert [column.feature.name for column in found] == [*CONTRACT.names, "region"]
    assert {len(column.values) for column in found} == {len(split.test)}


def test_the_reference_is_a_sample_of_the_training_rows_as_they_came(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = dataset.features.iloc[split.training]
    pd.testing.assert_frame_equal(take(dataset, split).reference, training)
    monkeypatch.setattr(dataset_split, "REFERENCE_ROWS", 300)
    # The rows that a model in git was published with.
    pd.testing.assert_frame_equal(take(dataset, split).reference, training.sample(300, random_state=3))


def test_nothing_of_the_table_is_held(dataset: Dataset, split: Split) -> None:
    table = dataset.features.copy()
    sources, seen = [cells.to_numpy() for _, cells in table.items()], weakref.ref(table)
    taken = take(replace(dataset, features=table), split)
    del table
    gc.collect()
    assert seen() is None
    held = [taken.matrix, taken.test.matrix, *(column.values for column in taken.test.columns)]
    held += [cells.to_numpy() for _, cells in taken.reference.items()]
    assert not any(np.shares_memory(one, source) for one in held for source in sources)
