"""Levels of open categories are learned from the training rows, and from no others."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.format.provenance import Provenance
from models.bundles.manifest import Manifest
from models.customer import declaration
from models.customer.contract import Contract
from tests.descriptions import describe, fill
from tests.training import random_split
from training.data import dataset_split, holdout, leakage, learned_levels
from training.data.datasets import Dataset
from training.data.splitting import Split
from training.errors import TooManyLevels


class Visitor(declaration.Features):
    country: Annotated[str | None, declaration.Category(max=3)] = Field(examples=["DE"])
    kind: Literal["a", "b"] = Field(examples=["a"])
    visits: float = Field(ge=0, le=1, examples=[0.5])


CONTRACT = declaration.derive(Visitor)


@pytest.fixture
def dataset() -> Dataset:
    """A thousand customers of fifty countries, of which some are unknown."""
    rng = np.random.default_rng(0)
    country = np.array([f"C{at}" for at in rng.integers(0, 50, 1_000)], dtype=object)
    country[::100] = None
    features = pd.DataFrame({"country": country, "kind": rng.choice(["a", "b"], 1_000), "visits": rng.random(1_000)})
    provenance = Provenance(source="test", query=None, rows=1_000, rejected_rows=0, sha256="0" * 64)
    return Dataset(features, rng.integers(0, 2, 1_000), pd.DataFrame(index=range(1_000)), None, provenance)


@pytest.fixture
def split(dataset: Dataset) -> Split:
    return random_split.of(dataset.churned, seed=7)


def publish(folder: Path, dataset: Dataset, split: Split, contract: Contract, sha256: str) -> Bundle:
    folder.mkdir()
    parts = dataset_split.take(dataset, split, contract, others=[], seed=7)
    holdout.write(folder, parts, baseline=np.linspace(0, 1, len(split.test)))
    data = dataset.provenance.model_copy(update={"sha256": sha256})
    levels = {feature.name: feature.levels for feature in contract.open_categories}
    described = describe(contract, data=data, split=split.told, levels=levels)
    trained_at = pd.Timestamp("2026-03-01", tz="UTC").to_pydatetime()
    return bundle.save(fill(folder), described, contract, trained_at=trained_at, models_dir=folder.parent / "models")


def test_levels_come_from_the_training_rows_alone(dataset: Dataset, split: Split) -> None:
    dataset.features.loc[split.test[:5], "country"] = "only in the test set"
    [country] = learned_levels.learn(dataset, split, CONTRACT).open_categories
    expected = dataset.features["country"].iloc[split.training].value_counts()
    assert country.levels == expected.to_dict()
    assert len(country.kept_levels) == 3
    assert set(country.encode(dataset.features["country"].iloc[split.test[:5]])) == {4.0}


def test_a_bundle_gives_the_levels_back_and_an_older_one_has_none(
    tmp_path: Path, dataset: Dataset, split: Split
) -> None:
    contract = learned_levels.learn(dataset, split, CONTRACT)
    saved = publish(tmp_path / "one", dataset, split, contract, "0" * 64)
    found = bundle.load(tmp_path / "models", contract=CONTRACT, named=bundle.name(saved))
    assert found.contract == contract
    assert '"levels"' not in describe(declaration.derive(Plain)).model_dump_json()


class Plain(declaration.Features):
    visits: float = Field(ge=0, le=1, examples=[0.5])


def test_a_manifest_without_the_levels_of_an_open_category_is_refused(
    tmp_path: Path, dataset: Dataset, split: Split
) -> None:
    contract = learned_levels.learn(dataset, split, CONTRACT)
    manifest = publish(tmp_path / "one", dataset, split, contract, "0" * 64).manifest
    with pytest.raises(ValueError, match="levels: those of country are missing"):
        Manifest.model_validate(manifest.model_dump() | {"levels": {}})


def test_each_model_recognizes_its_own_training_rows_whatever_the_other_has_learned(
    tmp_path: Path, dataset: Dataset, split: Split
) -> None:
    swapped = replace(
        split, training=np.concatenate([split.test[:50], split.training[400:]]), test=split.training[:200]
    )
    contracts = [learned_levels.learn(dataset, part, CONTRACT) for part in (split, swapped)]
    assert contracts[0].features[0].kept_levels != contracts[1].features[0].kept_levels
    challenger = publish(tmp_path / "challenger", dataset, split, contracts[0], "0" * 64)
    champion = publish(tmp_path / "champion", dataset, swapped, contracts[1], "1" * 64)
    rows = holdout.unseen_by_both(challenger, champion, CONTRACT)
    assert rows.features.index.tolist() == list(range(50, len(split.test)))


def test_a_column_of_ids_is_refused_or_warned_of(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = replace(dataset, features=dataset.features.assign(country=[f"id {at}" for at in range(1_000)]))
    learned = learned_levels.learn(ids, split, CONTRACT)
    assert leakage.check(ids, split, learned, stop=True) == [
        "country has a distinct value in 100% of the rows: it looks like an id"
    ]
    monkeypatch.setattr(learned_levels, "LARGEST_BYTES", 10_000)
    with pytest.raises(TooManyLevels, match=f"country has {len(split.training)} levels in"):
        learned_levels.learn(ids, split, CONTRACT)


@pytest.mark.parametrize("levels", [2, 100, 500])
def test_levels_without_meaning_do_not_look_like_a_leak(dataset: Dataset, split: Split, levels: int) -> None:
    contract = declaration.derive(Many)
    drawn = np.random.default_rng(1).integers(0, levels, 1_000)
    noise = replace(dataset, features=pd.DataFrame({"country": [f"C{at}" for at in drawn]}))
    assert not [
        told
        for told in leakage.check(noise, split, learned_levels.learn(noise, split, contract), stop=True)
        if "alone" in told
    ]


def test_levels_that_tell_the_outcome_are_a_leak(dataset: Dataset, split: Split) -> None:
    drawn = 2 * np.random.default_rng(1).integers(0, 20, 1_000) + dataset.churned
    telling = replace(dataset, features=pd.DataFrame({"country": [f"C{at}" for at in drawn]}))
    contract = learned_levels.learn(telling, split, declaration.derive(Many))
    [told, _] = leakage.check(telling, split, contract, stop=False)
    assert told.startswith("country alone reaches a ROC-AUC of 1.000")


class Many(declaration.Features):
    country: Annotated[str, declaration.Category(max=500)] = Field(examples=["DE"])
