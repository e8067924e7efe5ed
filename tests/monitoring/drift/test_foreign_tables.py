"""The drift job reads the tables that `fit` reads: unchanged customers are no drift however a program wrote them."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.features import CONTRACT

Judge = Callable[..., Any]
Draw = Callable[[int, int], pd.DataFrame]


def _as_floats(customers: pd.DataFrame, folder: Path) -> Path:
    customers.astype(float).to_csv(folder / "live.csv", index=False)
    return folder / "live.csv"


def _as_decimals(customers: pd.DataFrame, folder: Path) -> Path:
    codes = pa.array([Decimal(f"{code}.00") for code in customers["contract_type"]], pa.decimal128(10, 2))
    table = pa.Table.from_pandas(customers.drop(columns="contract_type")).append_column("contract_type", codes)
    pq.write_table(table, folder / "live.parquet")
    return folder / "live.parquet"


def _as_texts(customers: pd.DataFrame, folder: Path) -> Path:
    texts = {name: [None if pd.isna(cell) else str(cell) for cell in customers[name]] for name in customers}
    pq.write_table(pa.table(texts), folder / "live.parquet")
    return folder / "live.parquet"


def _as_dictionaries(customers: pd.DataFrame, folder: Path) -> Path:
    texts = {name: pa.array(customers[name].astype(str)).dictionary_encode() for name in customers}
    pq.write_table(pa.table(texts), folder / "live.parquet")
    return folder / "live.parquet"


def _as_parts(customers: pd.DataFrame, folder: Path) -> Path:
    (folder / "live").mkdir()
    for number, part in enumerate((customers[:300], customers[300:])):
        part.to_parquet(folder / "live" / f"part-{number:05}.snappy.parquet")
    (folder / "live" / "_SUCCESS").touch()
    return folder / "live"


def _as_json(customers: pd.DataFrame, folder: Path) -> Path:
    customers.to_json(folder / "live.jsonl.gz", orient="records", lines=True)
    return folder / "live.jsonl.gz"


@pytest.mark.parametrize("write", [_as_floats, _as_decimals, _as_texts, _as_dictionaries, _as_parts, _as_json])
def test_unchanged_customers_are_no_drift_however_they_are_written(
    judge: Judge, customers: Draw, tmp_path: Path, write: Callable[[pd.DataFrame, Path], Path]
) -> None:
    outcome = judge(write(customers(1_000, 2), tmp_path))
    assert (outcome.code, outcome.drifted) == (0, set())
    assert outcome.record["judged_rows"] == 1_000


def test_a_foreign_table_is_mapped_by_the_columns_file_of_fit(judge: Judge, customers: Draw, tmp_path: Path) -> None:
    live = customers(1_000, 2).rename(columns={"monthly_charges": "Gebühr"})
    live["contract_type"] = live["contract_type"].map({0: "Monat", 1: "Jahr", 2: "zwei"})
    live.to_csv(tmp_path / "live.csv", sep=";", decimal=",", encoding="cp1252", index=False, na_rep="k.A.")
    (tmp_path / "columns.toml").write_text(
        '[target]\ncolumn = "absent"\n'
        '[features]\nmonthly_charges = { column = "Gebühr" }\n'
        'contract_type = { column = "contract_type", values = { Monat = 0, Jahr = 1, zwei = 2 } }\n'
        '[csv]\ndelimiter = ";"\ndecimal = ","\nencoding = "cp1252"\nnulls = ["k.A."]\n',
        encoding="utf-8",
    )
    outcome = judge(tmp_path / "live.csv", columns=tmp_path / "columns.toml")
    assert (outcome.code, outcome.drifted) == (0, set())
    bare = judge(tmp_path / "live.csv")
    assert bare.code == 2
    assert 'its cells look separated by ;. Add delimiter = ";" under [csv]' in bare.said


@pytest.mark.parametrize("kind", [".csv", ".parquet"])
def test_a_column_of_the_contract_that_is_there_twice_is_refused_as_in_a_fit(
    judge: Judge, customers: Draw, tmp_path: Path, kind: str
) -> None:
    live, path = customers(300, 2), tmp_path / f"live{kind}"
    names = [*CONTRACT.names, "tenure_months"]
    columns = [*(pa.array(live[name], from_pandas=True) for name in CONTRACT.names), pa.array(live["tenure_months"])]
    if kind == ".csv":
        live.assign(again=live["tenure_months"]).to_csv(path, index=False, header=names)
    else:
        pq.write_table(pa.Table.from_arrays(columns, names=names), path)
    outcome = judge(path)
    assert outcome.code == 2
    assert "the table has column tenure_months twice. Keep one column of each name." in outcome.said


def test_a_missing_column_is_quoted_and_the_nearest_is_named(judge: Judge, customers: Draw, tmp_path: Path) -> None:
    customers(300, 2).rename(columns={"tenure_months": "Tenure_Month"}).to_csv(tmp_path / "live.csv", index=False)
    outcome = judge(tmp_path / "live.csv")
    assert outcome.code == 2
    assert 'no column "tenure_months"; it has "Tenure_Month", ' in outcome.said
    assert 'The nearest is "Tenure_Month" for "tenure_months". Map other names with --columns' in outcome.said
    assert "`python -m training contract draft` writes a first one" in outcome.said
