"""A bundle holds the test rows of its model and the hashes of its training rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.customer.contract import Vector
from models.errors import FileUnreadable
from models.features import CONTRACT
from tests.descriptions import describe, fill
from tests.training import random_split
from training.data import dataset_split, datasets, holdout
from training.data.datasets import Dataset
from training.data.splitting import Split
from training.settings import FitSettings


@pytest.fixture
def dataset() -> Dataset:
    """A thousand synthetic customers."""
    return datasets.load(FitSettings(rows=1_000), CONTRACT)


@pytest.fixture
def split(dataset: Dataset) -> Split:
    return random_split.of(dataset.churned, seed=7)


def publish(folder: Path, dataset: Dataset, split: Split, sha256: str = "0" * 64) -> Bundle:
    folder.mkdir()
    baseline: Vector = np.linspace(0, 1, len(split.test))
    holdout.write(folder, dataset_split.take(dataset, split, CONTRACT, others=[], seed=7), baseline=baseline)
    described = describe(CONTRACT, data=dataset.provenance.model_copy(update={"sha256": sha256}), split=split.told)
    trained_at = pd.Timestamp("2026-03-01", tz="UTC").to_pydatetime()
    return bundle.save(fill(folder), described, CONTRACT, trained_at=trained_at, models_dir=folder.parent / "models")


def test_the_test_rows_are_held_out_with_outcome_and_baseline(tmp_path: Path, dataset: Dataset, split: Split) -> None:
    rows = holdout.read(publish(tmp_path / "one", dataset, split), CONTRACT)
    expected = dataset.features.iloc[split.test].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows.features, expected)
    assert np.array_equal(rows.churned, dataset.churned[split.test])
    assert rows.baseline == pytest.approx(np.linspace(0, 1, len(split.test)), abs=1e-6)


def test_rows_that_the_other_model_learned_from_are_left_out(tmp_path: Path, dataset: Dataset, split: Split) -> None:
    swapped = replace(split, training=np.concatenate([split.test[:50], split.training]), test=split.training[:200])
    champion = publish(tmp_path / "champion", dataset, swapped, sha256="1" * 64)
    challenger = publish(tmp_path / "challenger", dataset, split)
    rows = holdout.unseen_by_both(challenger, champion, CONTRACT)
    assert len(rows.churned) == len(rows.baseline) == len(split.test) - 50
    pd.testing.assert_frame_equal(
        rows.features.reset_index(drop=True), dataset.features.iloc[split.test[50:]].reset_index(drop=True)
    )


def test_rows_that_equal_what_the_challenger_learned_from_are_left_out(
    tmp_path: Path, dataset: Dataset, split: Split
) -> None:
    features = dataset.features.copy()
    features.iloc[split.test[:50]] = features.iloc[split.training[:50]].to_numpy()  # who came twice
    twice, half = replace(dataset, features=features), replace(split, training=split.training[100:])
    champion = publish(tmp_path / "champion", dataset, half, sha256="1" * 64)
    challenger = publish(tmp_path / "challenger", twice, split)
    assert len(holdout.unseen_by_both(challenger, champion, CONTRACT).churned) == len(split.test) - 50


def test_the_same_split_of_the_same_rows_leaves_all(tmp_path: Path, dataset: Dataset, split: Split) -> None:
    one, other = publish(tmp_path / "one", dataset, split), publish(tmp_path / "other", dataset, split)
    assert len(holdout.unseen_by_both(one, other, CONTRACT).churned) == len(split.test)


def test_of_a_large_test_set_a_sample_is_held_out(
    tmp_path: Path, dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_split, "HOLDOUT_ROWS", 100)
    rows = holdout.read(publish(tmp_path / "one", dataset, split), CONTRACT)
    assert len(rows.churned) == len(rows.features) == 100
    assert 0 < rows.churned.sum() < 100


def test_a_bundle_of_before_there_was_a_gate_says_so(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    trained_at = pd.Timestamp("2026-03-01", tz="UTC").to_pydatetime()
    old = bundle.save(
        fill(tmp_path / "old"),
        describe(CONTRACT),
        contract=CONTRACT,
        trained_at=trained_at,
        models_dir=tmp_path / "models",
    )
    with pytest.raises(FileUnreadable, match="published without it"):
        holdout.read(old, CONTRACT)
