"""A test set by hash of a table with few different rows is told, and its equal rows are drawn together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundles import quality
from models.bundles.risk import RiskPolicy
from models.features import CONTRACT
from training import pipeline
from training.data import synthetic
from training.data.hashing import repeats
from training.partitioned import preparation
from training.partitioned.executor import InProcess
from training.partitioned.preparation import Prepared
from training.settings import FitSettings

KINDS, ROWS = 48, 4_000


def table_of_few_rows() -> pd.DataFrame:
    """Return customers of 48 kinds; a kind has its own churn rate."""
    kinds, _ = synthetic.sample(KINDS, seed=32)
    rng = np.random.default_rng(4)
    kind, rate = rng.integers(KINDS, size=ROWS), rng.uniform(0.05, 0.6, KINDS)
    return kinds.iloc[kind].assign(churned=rng.random(ROWS) < rate[kind], account=np.arange(ROWS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table_of_few_rows().to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def prepare(path: Path, *, in_parts: bool = False, group: str | None = None) -> Prepared:
    settings = FitSettings(data=str(path), group_column=group)
    return (
        preparation.prepare(settings, CONTRACT, 255, InProcess()) if in_parts else pipeline._whole(settings, CONTRACT)
    )


@pytest.mark.parametrize("in_parts", [False, True], ids=["whole", "in parts"])
def test_equal_test_rows_are_drawn_together_and_told(path: Path, *, in_parts: bool) -> None:
    found = prepare(path, in_parts=in_parts)
    test = found.taken.test
    assert test.customers is not None
    distinct = len(np.unique(test.customers))
    assert distinct == len(test.rows.drop_duplicates())
    equal, unlike = found.warnings
    assert equal.startswith("100% of the test rows equal another test row")
    assert f"the {len(test.churned):,} rows are {distinct} different ones" in equal
    assert f"it has {len(test.churned) / ROWS:.1%} of the rows instead of 20%" in unlike
    assert f"{test.churned.mean():.1%} of them churned, of all rows {table_of_few_rows().churned.mean():.1%}" in unlike
    assert unlike.endswith("with --group-column and the id of the customer")


def test_their_intervals_are_wider_than_those_of_rows_drawn_one_by_one(path: Path) -> None:
    test = prepare(path).taken.test
    probability = test.matrix[:, 0] / test.matrix[:, 0].max() * 0.8 + 0.1
    together, alone = (
        quality.measured(probability.astype(float), test.churned, RiskPolicy(), customers=one)["roc_auc"]
        for one in (test.customers, None)
    )
    assert together.value == alone.value
    assert together.deviation > 2 * alone.deviation


def test_the_remedy_ends_it(path: Path) -> None:
    found = prepare(path, group="account")
    assert found.taken.test.customers is not None
    assert len(np.unique(found.taken.test.customers)) == len(found.taken.test.churned)
    assert [one for one in found.warnings if "test set" in one or "another test row" in one] == []


def test_a_table_of_different_rows_keeps_its_intervals(tmp_path: Path) -> None:
    table, _ = synthetic.sample(ROWS, seed=4)
    pd.concat([table, table.head(100)]).to_parquet(tmp_path / "rows.parquet")  # 100 customers came twice
    found = prepare(tmp_path / "rows.parquet")
    assert (found.taken.test.customers, found.warnings) == (None, [])


def test_chance_is_hardly_ever_told() -> None:
    told = "by the project's hash of each row"
    rng, doubted = np.random.default_rng(0), 0
    for _ in range(500):
        tested = rng.binomial([3_000, 1_000], 0.2)
        doubted += bool([*repeats.doubts(None, np.array([[3_000, 1_000] - tested, tested]), told)])
    assert doubted <= 3
    assert list(repeats.doubts(None, np.array([[2_700, 700], [300, 300]]), "by time")) == []
