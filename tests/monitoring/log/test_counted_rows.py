"""A file with the log's columns counts each customer once, in bounded memory."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["bob", "ann", "x" * 33]),
        pa.array([f"customer-{number:023d}" for number in range(3)]),
        pa.array([f"{number:031x}\u00e9" for number in range(3)]),
        pa.array([f"{number:032x}\n" for number in range(3)]),
        pa.array([bytes([255, number] * 8) for number in range(3)]),
        pa.array([bytes([255, number] * 8) for number in range(3)], pa.binary(16)),
        pa.array([Decimal(10**31 + number) for number in range(3)]),
        pa.array([1, 2, 3]),
    ],
    ids=["short", "ids", "accents", "line ends", "bytes", "fixed bytes", "decimals", "integers"],
)
def test_values_that_are_no_digests_tell_no_customers_apart(customers: Draw, tmp_path: Path, values: pa.Array) -> None:
    rows = pa.Table.from_pandas(customers(60, 1).assign(prediction_id="1"), preserve_index=False)
    rows = rows.append_column("customer_digest", pa.concat_arrays([values] * 20))
    pq.write_table(rows, tmp_path / "live.parquet")
    table, counted = read(tmp_path / "live.parquet")
    assert (len(table), counted.alone, counted.unreadable, counted.all_customers) == (60, 60, 60, 60)


@pytest.mark.parametrize("empty", ["", None])
def test_customers_without_a_digest_are_not_told_as_unreadable(
    customers: Draw, tmp_path: Path, empty: str | None
) -> None:
    customers(60, 1).assign(customer_digest=empty, prediction_id="1").to_csv(tmp_path / "live.csv", index=False)
    table, counted = read(tmp_path / "live.csv")
    assert (len(table), counted.alone, counted.unreadable, counted.unordered) == (60, 60, 0, 0)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_digests_and_ids_are_the_same_in_capitals_and_in_each_type_of_text(
    customers: Draw, tmp_path: Path, kind: pa.DataType
) -> None:
    rows = exported(customers, 400)
    rows = rows.assign(
        customer_digest=rows["customer_digest"].str.upper(), prediction_id=rows["prediction_id"].str.upper()
    )
    table = pa.Table.from_pandas(rows, preserve_index=False)
    for name in counted_rows.COLUMNS:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(pa.string()).cast(kind))
    pq.write_table(table, tmp_path / "live.parquet")
    found, counted = read(tmp_path / "live.parquet")
    assert found["monthly_charges"].value_counts().to_dict() == {100.0: 400, 1.0: 4 * (TIMES - 1)}
    assert (counted.unreadable, counted.unordered) == (0, 0)


def test_without_ids_of_the_log_the_last_row_of_a_customer_counts(customers: Draw, tmp_path: Path) -> None:
    rows = customers(60, 1).assign(customer_digest=[f"{at // 2:032x}" for at in range(60)], prediction_id="7b-1")
    rows["monthly_charges"] = [1.0, 100.0] * 30
    rows.to_csv(tmp_path / "live.csv", index=False)
    table, counted = read(tmp_path / "live.csv")
    assert (table["monthly_charges"].tolist(), counted.unordered) == ([100.0] * 30, 60)
