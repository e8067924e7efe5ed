"""A table is split into training rows and held-out customers; both populations are made from the latter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from demo import sources
from demo.sources import TooFewCustomers
from models.bundles import bundle
from models.bundles.manifest import Manifest
from models.columns.errors import ColumnMissing
from models.features import CONTRACT, CustomerFeatures
from training.data import datasets, synthetic
from training.errors import SourceUnreadable, TooFewRows
from training.settings import FitSettings

COLUMNS = """
[target]
column = "left"
positive = "yes"

[features]
tenure_months = { column = "months" }
"""


@pytest.fixture
def columns(tmp_path: Path) -> Path:
    path = tmp_path / "columns.toml"
    path.write_text(COLUMNS)
    return path


@pytest.fixture(scope="module")
def model(root: Path) -> Manifest:
    return bundle.load(root / "models", contract=CONTRACT).manifest


def table(rows: int, *, left: float | None = None) -> pd.DataFrame:
    """Draw customers as somebody's own table has them."""
    customers = synthetic.sample(rows, seed=4)[0]
    churned = customers.pop("churned") == 1 if left is None else np.arange(rows) < left * rows
    named = customers.rename(columns={"tenure_months": "months"})
    return named.assign(left=np.where(churned, "yes", "no"), number=range(rows))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_each_row_is_learned_from_or_held_out(suffix: str, columns: Path, tmp_path: Path) -> None:
    path = tmp_path / f"mine{suffix}"
    whole = table(6_000)
    whole.to_csv(path, index=False) if suffix == ".csv" else whole.to_parquet(path, index=False)
    learned, held_out = sources.split(path, columns, folder=tmp_path)
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    parts = [read(part) for part in (learned, held_out)]
    assert [len(part) for part in parts] == [5_000, 1_000]
    together = pd.concat(parts).sort_values("number", ignore_index=True)
    pd.testing.assert_frame_equal(together, read(path))
    assert all(part["number"].is_monotonic_increasing for part in parts)


def test_a_table_in_another_style_is_split_and_read_alike(columns: Path, tmp_path: Path) -> None:
    columns.write_text(f'{columns.read_text()}\n[csv]\ndelimiter = ";"\ndecimal = ","\nencoding = "cp1252"\n')
    named = table(2_000).assign(note="Zoë")
    named.to_csv(tmp_path / "mine.csv.gz", index=False, sep=";", decimal=",", encoding="cp1252")
    written = sources.split(tmp_path / "mine.csv.gz", columns, folder=tmp_path)
    assert [path.name for path in written] == ["learned.csv", "held_out.csv"]
    parts = [datasets.load(FitSettings(data=str(path), columns=columns), CONTRACT) for path in written]
    assert [part.provenance.rows for part in parts] == [1_500, 500]
    assert [part.provenance.rejected_rows for part in parts] == [0, 0]


@pytest.mark.parametrize(
    ("rows", "left", "number"), [(1_000, 0.3, 250), (4_000, 0.3, 1_000), (40_000, 0.3, 1_000), (40_000, 0.02, 2_500)]
)
def test_enough_are_held_out_to_judge_quality_and_never_more_than_a_quarter(
    rows: int, left: float, number: int, columns: Path, tmp_path: Path
) -> None:
    table(rows, left=left).to_csv(tmp_path / "mine.csv", index=False)
    _, held_out = sources.split(tmp_path / "mine.csv", columns, folder=tmp_path)
    assert len(pd.read_csv(held_out)) == number


def test_calm_customers_are_rows_of_the_table_with_the_outcomes_that_they_had(
    columns: Path, tmp_path: Path, root: Path
) -> None:
    path = tmp_path / "mine.parquet"
    whole = table(600)
    whole.to_parquet(path, index=False)
    calm, shifted = sources.worlds(path, columns, models_dir=root / "models")
    sent = calm.customers(600, seed=1)
    known: dict[Any, str] = {key(row): row["left"] for row in whole.to_dict("records")}
    assert {known[key(customer.features)] for customer in sent if customer.churned} == {"yes"}
    assert {known[key(customer.features)] for customer in sent if not customer.churned} == {"no"}
    assert len({key(customer.features) for customer in sent}) == len(known)
    changed = shifted.customers(600, seed=1)
    assert sum(customer.churned for customer in changed) == sum(customer.churned for customer in sent)
    assert sum(customer.features != other.features for customer, other in zip(sent, changed, strict=True)) > 300


def key(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return (row.get("months", row.get("tenure_months")), row["monthly_charges"], row["support_tickets"])


def test_what_is_sent_is_accepted_and_what_shifts_is_what_the_model_rests_on(
    columns: Path, tmp_path: Path, root: Path, model: Manifest
) -> None:
    table(600).to_csv(tmp_path / "mine.csv", index=False)
    for world in sources.worlds(tmp_path / "mine.csv", columns, models_dir=root / "models"):
        for customer in world.customers(2_000, seed=1):  # more than there are: some come again
            CustomerFeatures.model_validate(customer.features)
    important = sorted(model.importance, key=lambda name: -model.importance[name].permutation)
    assert [name for name in CONTRACT.names if f"{name} " in world.told] == [
        name for name in CONTRACT.names if name in important[: sources.SHIFTED_FEATURES]
    ]


def test_a_table_that_is_too_small_is_refused_with_the_remedy(columns: Path, tmp_path: Path) -> None:
    table(999).to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(TooFewCustomers, match=r"mine.csv: 999 rows .* needs 1,000.*Bring more rows, or only train"):
        sources.of(tmp_path / "mine.csv", columns, folder=tmp_path)


def test_too_few_of_a_kind_are_refused(columns: Path, tmp_path: Path) -> None:
    table(1_000, left=0.05).to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(TooFewRows, match="Bring more rows"):
        sources.of(tmp_path / "mine.csv", columns, folder=tmp_path)


def test_what_cannot_be_trained_on_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    table(2_000).to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(ColumnMissing, match=r'no column "tenure_months", "churned".*--columns'):
        sources.of(tmp_path / "mine.csv", None, folder=tmp_path)
    with pytest.raises(SourceUnreadable, match=r"none\.csv: no such file"):
        sources.of(tmp_path / "none.csv", None, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
