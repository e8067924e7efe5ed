"""A file with the log's columns counts each customer once, in bounded memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.columns.column_mapping import ColumnMapping
from models.features import CONTRACT
from monitoring.log import counted_rows, customer_files

Draw = Callable[[int, int], pd.DataFrame]
CUSTOMERS, TIMES = 4_000, 5


def exported(customers: Draw, rows: int) -> pd.DataFrame:
    """Predict customers five times, with a bill of 100 at the newest time and of 1 before; the last four have no id."""
    rng = np.random.default_rng(0)
    digests = pd.Series([rng.bytes(16).hex() for _ in range(rows - 4)] + [None] * 4)
    times = [
        customers(rows, 1).assign(
            customer_digest=digests,
            prediction_id=[f"{time:012x}" + rng.bytes(10).hex() for _ in range(rows)],
            monthly_charges=100.0 if time == TIMES - 1 else 1.0,
        )
        for time in range(TIMES)
    ]
    return pd.concat(times).sample(frac=1, random_state=0)


def write(rows: pd.DataFrame, folder: Path) -> Path:
    folder.mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(rows)), 3)):
        rows.iloc[part].to_parquet(folder / f"week-{number}.parquet")
    return folder


def read(path: Path) -> tuple[pd.DataFrame, counted_rows.CountedRows]:
    counted = counted_rows.find(path, CONTRACT, ColumnMapping().csv)
    assert counted
    return customer_files.read(path, CONTRACT, rows=100_000, counted=counted)[0], counted


def test_the_newest_prediction_of_each_customer_counts_whatever_the_order(customers: Draw, tmp_path: Path) -> None:
    table, counted = read(write(exported(customers, CUSTOMERS), tmp_path / "live"))
    bills = table["monthly_charges"].value_counts().to_dict()
    assert bills == {100.0: CUSTOMERS, 1.0: 4 * (TIMES - 1)}  # rows without a digest count each
    assert (counted.rows, counted.all_customers, counted.share) == (CUSTOMERS * TIMES, len(table), 1)


def test_of_too_many_customers_some_are_drawn_and_each_counts_once(
    customers: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted_rows, "_MOST_CUSTOMERS", 1_200)
    monkeypatch.setattr(counted_rows, "_CHUNK_ROWS", 500)
    rows = exported(customers, CUSTOMERS)
    table, counted = read(write(rows, tmp_path / "live"))
    again, _ = read(write(rows.sample(frac=1, random_state=1), tmp_path / "again"))
    assert sorted(table["total_charges"].dropna()) == sorted(again["total_charges"].dropna())
    assert (counted.share, len(counted.customers)) == (0.25, (table["monthly_charges"] == 100).sum())
    assert counted.all_customers == pytest.approx(CUSTOMERS, rel=0.1)


def test_a_file_without_both_columns_counts_every_row(customers: Draw, tmp_path: Path) -> None:
    rows = exported(customers, 100).drop(columns="prediction_id")
    assert counted_rows.find(write(rows, tmp_path / "live"), CONTRACT, ColumnMapping().csv) is None


def test_texts_that_are_no_digests_tell_no_customers_apart(customers: Draw, tmp_path: Path) -> None:
    rows = customers(60, 1).assign(customer_digest=["", "ann", "x" * 33] * 20, prediction_id="1")
    rows.to_csv(tmp_path / "live.csv", index=False)
    table, counted = read(tmp_path / "live.csv")
    assert (len(table), counted.alone, counted.all_customers) == (60, 60, 60)
