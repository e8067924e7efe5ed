"""Rows come from files and databases alike; what breaks the contract is named, and too much of it stops the run."""

import logging
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
from pydantic import Field, create_model

from models.customer import declaration
from models.customer.declaration import Age, Features, derive
from models.features import CONTRACT
from training.data import datasets, synthetic
from training.errors import SourceUnreadable, TooFewRows, TooManyRejected
from training.settings import FitSettings


@pytest.fixture
def customers() -> pd.DataFrame:
    return synthetic.sample(400, seed=5)[0]


def load(source: Path | str, **settings: object) -> datasets.Dataset:
    return datasets.load(FitSettings.model_validate({"data": str(source), **settings}), CONTRACT)


def test_the_synthetic_population_needs_no_file_and_knows_its_probabilities() -> None:
    dataset = load("synthetic", rows=300, seed=5)
    assert len(dataset.features) == 300
    assert dataset.true_probability is not None
    assert dataset.provenance.source == "synthetic(rows=300, seed=5)"


def test_csv_parquet_and_sqlite_give_the_same_rows_and_digest(customers: pd.DataFrame, tmp_path: Path) -> None:
    customers.to_csv(tmp_path / "rows.csv", index=False)
    customers.to_parquet(tmp_path / "rows.parquet")
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        customers.to_sql("customers", connection, index=False)
    connection.close()
    query = "select * from customers"
    loaded = [
        load(tmp_path / "rows.csv"),
        load(tmp_path / "rows.parquet"),
        load(f"sqlite:///{tmp_path / 'rows.db'}", query=query),
    ]
    for dataset in loaded:
        pd.testing.assert_frame_equal(dataset.features, customers[list(CONTRACT.names)])
        np.testing.assert_array_equal(dataset.churned, customers["churned"])
    assert len({dataset.provenance.sha256 for dataset in loaded}) == 1
    assert loaded[2].provenance.query == query
    assert [dataset.provenance.source for dataset in loaded] == ["rows.csv", "rows.parquet", "rows.db"]


def test_the_digest_changes_with_a_single_value(customers: pd.DataFrame, tmp_path: Path) -> None:
    customers.to_parquet(tmp_path / "rows.parquet")
    before = load(tmp_path / "rows.parquet").provenance.sha256
    dearer = customers.assign(monthly_charges=customers["monthly_charges"] - 0.01 * (customers.index == 17))
    dearer.to_parquet(tmp_path / "rows.parquet")
    assert load(tmp_path / "rows.parquet").provenance.sha256 != before
    relabelled = customers.assign(churned=customers["churned"] ^ (customers.index == 17))
    relabelled.to_parquet(tmp_path / "rows.parquet")
    assert load(tmp_path / "rows.parquet").provenance.sha256 != before


def test_rejected_rows_are_dropped_counted_and_logged(
    customers: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    customers = customers.astype({"tenure_months": object, "churned": object})
    customers.loc[0, "tenure_months"] = "soon"
    customers.loc[1, "support_tickets"] = -1
    customers.loc[2, "churned"] = None
    customers.to_csv(tmp_path / "rows.csv", index=False)
    with caplog.at_level(logging.WARNING):
        dataset = load(tmp_path / "rows.csv")
    assert (dataset.provenance.rows, dataset.provenance.rejected_rows) == (397, 3)
    assert dataset.features["tenure_months"].dtype == np.int64
    assert {record.getMessage() for record in caplog.records} == {
        'rejected: tenure_months not a number in 1 rows ("soon" 1)',
        'rejected: support_tickets below 0 in 1 rows ("-1.0" 1)',
        "rejected: churned missing in 1 rows",
    }


def test_more_than_five_percent_rejected_stops_with_the_reasons(customers: pd.DataFrame, tmp_path: Path) -> None:
    customers.loc[:20, "support_tickets"] = -1
    customers.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(
        TooManyRejected, match=r'21 of 400 rows .* \(support_tickets below 0: 21 \("-1" 21\)\)'
    ) as caught:
        load(tmp_path / "rows.parquet")
    assert caught.value.reasons == {"support_tickets below 0": 21}


def test_a_byte_that_is_no_text_stops_no_fit_that_does_not_use_it(
    customers: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    customers.assign(note="Zoë").rename(columns={"tenure_months": " tenure_months"}).to_csv(
        tmp_path / "rows.csv", index=False, encoding="cp1252"
    )
    assert load(tmp_path / "rows.csv").provenance.rows == 400
    assert "column ' tenure_months' is read as 'tenure_months'" in caplog.text
    assert 'row 1, column "note": byte 0xeb' in caplog.text
    with pytest.raises(SourceUnreadable, match=r'column "note": byte 0xeb .* Add encoding = "cp1252"'):
        load(tmp_path / "rows.csv", slices=["note"])


def test_exactly_five_percent_rejected_goes_on(customers: pd.DataFrame, tmp_path: Path) -> None:
    customers.loc[:19, "support_tickets"] = -1
    customers.to_parquet(tmp_path / "rows.parquet")
    assert load(tmp_path / "rows.parquet").provenance.rejected_rows == 20


def test_too_few_rows_of_a_class_are_refused(customers: pd.DataFrame, tmp_path: Path) -> None:
    customers["churned"] = (np.arange(400) < 24).astype(int)
    customers.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(TooFewRows, match="400 rows with 24 churned"):
        load(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("absent.csv", r"absent\.csv: no such file"),
        ("absent.parquet", r"absent\.parquet: no such file"),
        ("rows.xls", r"not a known kind of file"),
        ("sqlite:///absent.db", "needs --query"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_with_the_remedy(source: str, problem: str) -> None:
    with pytest.raises(SourceUnreadable, match=problem):
        load(source)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nosuchdb://host/x", "--data takes"),
        ("postgresql://host:notaport/x", "notaport"),
        ("sqlite:///absent.db", r"absent\.db: No such file"),
    ],
)
def test_a_database_that_cannot_be_asked_is_named_with_the_remedy(url: str, problem: str) -> None:
    with pytest.raises(SourceUnreadable, match=problem):
        load(url, query="select 1")


def test_a_row_of_another_length_is_refused_with_its_number(customers: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    customers.to_csv(path, index=False)
    path.write_text(path.read_text() + "1,2\n")
    with pytest.raises(SourceUnreadable, match="row 401 has another number of cells than the header"):
        load(path)


def test_a_source_without_rows_has_too_few(customers: pd.DataFrame, tmp_path: Path) -> None:
    customers.head(0).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(TooFewRows, match="0 rows"):
        load(tmp_path / "rows.csv")


def test_nullable_and_decimal_columns_of_a_parquet_file_are_read(customers: pd.DataFrame, tmp_path: Path) -> None:
    plain = customers.copy()
    customers = customers.convert_dtypes()
    customers["monthly_charges"] = pd.Series([Decimal(f"{value:.2f}") for value in plain["monthly_charges"]])
    customers["support_tickets"] = plain["support_tickets"].astype("string")
    customers.to_parquet(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(load(tmp_path / "rows.parquet").features, plain[list(CONTRACT.names)])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@127.0.0.1:1/x", "ann:***@127.0.0.1"),
        ("postgresql://127.0.0.1:1/x?user=ann&password=s3cret", "user=ann&password=***"),
    ],
)
def test_a_password_in_a_url_is_never_shown(url: str, shown: str) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        load(url, query="select 1")
    assert "s3cret" not in str(caught.value)
    assert shown in str(caught.value)


def test_a_query_for_a_missing_table_is_refused(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(SourceUnreadable, match="no such table: absent"):
        load(f"sqlite:///{tmp_path / 'empty.db'}", query="select * from absent")


def test_the_telco_table_is_mapped_by_the_shipped_file(telco: Path, root: Path) -> None:
    dataset = load(telco, columns=root / "training" / "columns" / "telco.toml")
    assert dataset.provenance.rejected_rows == 0
    assert dataset.churned.mean() == pytest.approx(0.2654, abs=1e-4)
    assert dataset.features["total_charges"].isna().sum() == 11
    assert (dataset.features["tenure_months"][dataset.features["total_charges"].isna()] == 0).all()


def test_ages_and_the_format_of_times_come_from_the_columns_file(tmp_path: Path) -> None:
    class Customer(Features):
        signed: Annotated[float, Age("days")] = Field(ge=0, le=900, examples=[30.0])

    days = [f"{1 + at % 28:02}.{1 + at % 12:02}.2026" for at in range(300)]
    status = [("Left", "Moved", "Here")[at % 3] for at in range(300)]
    table = pd.DataFrame({"begun": days, "seen": "31.12.2026", "status": status})
    table.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "columns.toml").write_text(
        '[target]\ncolumn = "status"\npositive = ["Left", "Moved"]\n'
        '[features]\nsigned = { column = "begun", age_at = "seen" }\n[csv]\ntime = "%d.%m.%Y"\n'
    )
    settings = FitSettings(data=str(tmp_path / "t.csv"), columns=tmp_path / "columns.toml", time_column="begun")
    dataset = datasets.load(settings, derive(Customer))
    assert dataset.features["signed"].tolist()[:3] == [364, 332, 303]
    assert dataset.churned.tolist()[:3] == [1, 1, 0]
    assert dataset.time_format == "%d.%m.%Y"


def test_three_hundred_columns_are_read_without_a_warning(tmp_path: Path) -> None:
    declared: Any = {f"value_{number}": (float, Field(ge=0, le=1, examples=[0.5])) for number in range(300)}
    wide = declaration.derive(create_model("Wide", __base__=declaration.Features, **declared))
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((400, 300)), columns=list(wide.names))
    pd.concat([table, pd.DataFrame({"churned": rng.integers(0, 2, 400)})], axis=1).to_csv(tmp_path / "rows.csv")
    loaded = datasets.load(FitSettings(data=str(tmp_path / "rows.csv")), wide)  # a warning is an error
    np.testing.assert_array_equal(loaded.features.to_numpy(), table.to_numpy())


@pytest.mark.postgres
def test_postgresql_gives_the_same_rows_as_a_file(customers: pd.DataFrame, tmp_path: Path, postgres_url: str) -> None:
    import sqlalchemy  # noqa: PLC0415  # only here

    engine = sqlalchemy.create_engine(postgres_url)
    customers.to_sql("customers", engine, index=False)
    engine.dispose()
    customers.to_parquet(tmp_path / "rows.parquet")
    from_database = load(postgres_url, query="select * from customers")
    assert from_database.provenance.sha256 == load(tmp_path / "rows.parquet").provenance.sha256
