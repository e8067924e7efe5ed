"""Ranges of a numeric column: a database in parts gives what a Parquet folder with its rows gives."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from models.columns.errors import ColumnMissing
from models.customer.files.csv_format import CsvFormat
from models.features import CONTRACT
from training.data import synthetic
from training.data.hashing import hash_split
from training.errors import DataError, SourceUnreadable
from training.learning import model
from training.partitioned import boosting, choice, passes, preparation
from training.partitioned.errors import PartitionColumnUnusable, SourceChanged
from training.partitioned.executor import InProcess
from training.partitioned.preparation import Prepared
from training.partitioned.tables.database_table import DatabaseTable
from training.settings import FitSettings

ROWS = 2_000
QUERY = """\
select * from customers -- 100 % of them, with ':names' and a comment
where note like '%a%';
"""


def customers() -> pd.DataFrame:
    """Customers with keys that are repeated, negative and far apart, and in no order."""
    table = synthetic.sample(ROWS, seed=3)[0]
    number = np.arange(ROWS) // 3 * 7 - 1_000
    number[-1] = 10**12
    table = table.assign(number=number, share=number / 8, note="a", customer=[f"c{at % 700}" for at in range(ROWS)])
    return table.sample(frac=1, random_state=2)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'rows.db'}"
        engine = sa.create_engine(url)
    else:
        url = request.getfixturevalue("postgres_url")
        engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    numeric = {"share": sa.Numeric(20, 4)} if request.param == "postgresql" else {}
    customers().to_sql("customers", engine, index=False, dtype=numeric)
    engine.dispose()
    return url


def prepare(data: str, **options: Any) -> Prepared:
    settings = FitSettings.model_validate({"data": data, "edges": 31} | options)
    return preparation.prepare(settings, CONTRACT, 31, InProcess())


@pytest.mark.parametrize(("column", "group"), [("number", None), ("share", "customer")])
def test_ranges_give_the_model_of_a_folder_with_the_same_rows(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, group: str | None
) -> None:
    monkeypatch.setattr(choice, "PIECE_ROWS", 300)
    customers().to_parquet(tmp_path / "rows.parquet", row_group_size=700)
    whole = prepare(str(tmp_path / "rows.parquet"), group_column=group)
    ranges = prepare(address, query=QUERY, partition_column=column, group_column=group)
    assert whole.rows is not None
    assert ranges.rows is not None
    assert len(ranges.rows.parts) == 7
    assert max(len(part.codes) for part in ranges.rows.parts) < 300
    assert ranges.taken.provenance.query == QUERY
    left_out = {"source", "query"}
    assert ranges.taken.provenance.model_dump(exclude=left_out) == whole.taken.provenance.model_dump(exclude=left_out)
    assert ranges.taken.told == whole.taken.told
    pd.testing.assert_frame_equal(ranges.taken.reference, whole.taken.reference)
    pd.testing.assert_frame_equal(ranges.taken.test.rows, whole.taken.test.rows)
    np.testing.assert_array_equal(ranges.taken.traces, whole.taken.traces)
    unfitted = model.served(
        parameters=dict(model.PARAMETERS) | {"n_estimators": 3}, constraints=None, seed=7, threads=1
    )
    trained = hash_split.trained(7, None)
    first, second = (
        boosting.fit(unfitted, one.parts, one.edges, trained=trained).get_booster().save_raw()
        for one in (ranges.rows, whole.rows)
    )
    assert first == second


def test_a_range_is_read_a_chunk_at_a_time(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.partitioned.tables.database_table.CHUNK_ROWS", 400)
    table = DatabaseTable(address, QUERY, "number")
    [part] = table.parts(ROWS)
    chunks = list(table.chunks(part, ["share"], CsvFormat()))
    assert [len(chunk) for chunk in chunks] == [400] * 5
    assert sorted(pd.concat(chunks)["share"]) == sorted(customers()["share"])
    assert (part.low, part.high, part.rows) == (None, None, ROWS)


def test_the_bounds_are_keys_that_share_the_rows(address: str) -> None:
    parts = DatabaseTable(address, QUERY, "number").parts(500)
    assert [part.low for part in parts] == [None, *(str(at // 3 * 7 - 1_000) for at in (500, 1_000, 1_500))]
    assert [part.high for part in parts][:3] == [part.low for part in parts][1:]
    numbers = (Decimal(part.low) for part in DatabaseTable(address, QUERY, "share").parts(500) if part.low)
    assert list(numbers) == [Decimal(at // 3 * 7 - 1_000) / 8 for at in (500, 1_000, 1_500)]


@pytest.mark.parametrize(
    ("query", "column", "error", "told"),
    [
        (QUERY, "numer", ColumnMissing, r"(?s)numer.*Name a numeric column of the query with --partition-column"),
        (QUERY, "customer", PartitionColumnUnusable, r"it has the value 'c0', no number\. Name a numeric column"),
        (
            "select nullif(number, -1000) as key, * from customers",
            "key",
            PartitionColumnUnusable,
            r"--partition-column key: it is NULL in 3 of 2,000 rows\. .*leave out the other rows with --query",
        ),
        ("select number,\nnumbr from customers", "number", SourceUnreadable, r"in line 2 of the query: numbr from"),
        ("", "number", SourceUnreadable, "rows.db|postgresql"),
    ],
    ids=["not there", "text", "null", "wrong query", "no query"],
)
def test_a_column_that_cannot_divide_the_rows_is_refused(
    address: str, query: str, column: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        prepare(address, query=query, partition_column=column)


@pytest.mark.parametrize("end", ["", " ; ", "; -- a note", "\n; /* a; b */ -- it's; all\n;", " -- a note; no end"])
def test_a_query_may_end_with_a_semicolon_and_comments(address: str, end: str) -> None:
    query = "select number, ';' || '-- x' as text from customers where ';' <> '--'"
    table = DatabaseTable(address, query + end, "number")
    assert table.columns(CsvFormat()) == ["number", "text"]
    assert sum(part.rows for part in table.parts(10_000)) == 2_000


@pytest.mark.postgres
def test_a_type_without_numbers_is_refused_by_its_name(postgres_url: str) -> None:
    for column, told in (("true", "it has no smallest and largest value"), ("'NaN'::float8", "it has the value nan")):
        with pytest.raises(PartitionColumnUnusable, match=told):
            DatabaseTable(postgres_url, f"select {column} as key", "key").parts(10)


def test_rows_that_change_between_the_passes_end_the_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, path = passes.encode, tmp_path / "rows.db"
    with closing(sqlite3.connect(path)) as database:
        customers().to_sql("customers", database, index=False)

    def change(change: str) -> Callable[..., Any]:
        def changed(*given: Any) -> Any:
            with closing(sqlite3.connect(path)) as database, database:
                database.execute(change)
            return encode(*given)

        return changed

    asked = {"query": QUERY, "partition_column": "number"}
    for change_of_rows in (
        "insert into customers select * from customers limit 1",
        "update customers set monthly_charges = 20.5 where number = -1000",
    ):
        monkeypatch.setattr(passes, "encode", change(change_of_rows))
        with pytest.raises(SourceChanged, match=r"rows\.db: its rows changed .* no longer change with --query"):
            prepare(f"sqlite:///{path}", **asked)
    customers().to_parquet(tmp_path / "rows.parquet")

    def rewritten(*given: Any) -> Any:
        customers().head(1_500).to_parquet(tmp_path / "rows.parquet")
        return encode(*given)

    monkeypatch.setattr(passes, "encode", rewritten)
    with pytest.raises(SourceChanged, match=r"rows\.parquet: its rows changed while they were read\. Fit a copy"):
        prepare(str(tmp_path / "rows.parquet"))


def test_a_column_of_no_database_is_refused(tmp_path: Path) -> None:
    customers().to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="--partition-column is a column of a database, and this is none"):
        prepare(str(tmp_path / "rows.parquet"), partition_column="number")
    with pytest.raises(DataError, match="--query selects from a database, and this is none"):
        prepare(str(tmp_path / "rows.parquet"), query=QUERY)
