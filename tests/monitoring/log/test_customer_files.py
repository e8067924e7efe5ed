"""All kinds of files give the same table, and errors name what is wrong with a file."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import Field

from models.columns import column_mapping
from models.columns.errors import ColumnMissing
from models.customer import tables
from models.customer.checks import find_violations
from models.customer.contract import Contract
from models.customer.declaration import Age, Features, derive
from models.customer.errors import ColumnRepeated, TableLocked, TableMissing, TableUnreadable
from models.customer.files.chunk import Chunk
from monitoring.drift.comparison import compare
from monitoring.drift.row_counts import PREDICTION
from monitoring.log import customer_files


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plan": ["basic", "pro", "plus"],
            "region": ["north", None, "south"],
            "auto_renew": [True, False, True],
            "newsletter": [None, True, False],
            "seats": pd.array([5, None, 7], dtype="Int64"),
            "spend": [10.5, 20.0, 0.0],
            "peak_spend": [11.0, np.nan, 3.0],
        }
    )


def read(path: Path, contract: Contract) -> pd.DataFrame:
    return customer_files.read(path, contract, rows=1_000)[0]


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda rows, path: rows.to_csv(path, index=False),
    ".parquet": lambda rows, path: rows.to_parquet(path),
    ".jsonl": lambda rows, path: rows.to_json(path, orient="records", lines=True),
}


@pytest.mark.parametrize("ending", WRITERS)
def test_every_kind_of_file_gives_the_same_values(
    rows: pd.DataFrame, ending: str, tmp_path: Path, second_contract: Contract
) -> None:
    path = tmp_path / f"live{ending}"
    WRITERS[ending](rows.assign(extra=1), path)
    found = read(path, second_contract)
    assert tuple(found.columns) == second_contract.names
    encoded = np.column_stack([feature.encode(found[feature.name]) for feature in second_contract.features])
    nan = np.nan
    expected = [[0, 0, 1, nan, 5, 10.5, 11], [2, nan, 0, 1, nan, 20, nan], [1, 1, 1, 0, 7, 0, 3]]
    np.testing.assert_array_equal(encoded, expected)


def test_cells_of_a_csv_that_cannot_be_read_stay_and_are_found(tmp_path: Path, second_contract: Contract) -> None:
    path = tmp_path / "live.csv"
    path.write_text(
        "plan,region,auto_renew,newsletter,seats,spend,peak_spend\npro,,true,,3,1e2,NA\ngold,None,yes,0,many,1,2\n",
    )
    broken = find_violations(second_contract, read(path, second_contract))
    assert {reason: mask.tolist() for reason, mask in broken.items()} == {
        "plan not one of ['basic', 'plus', 'pro']": [False, True],
        "auto_renew not true or false": [False, True],
        "seats not a number": [False, True],
    }


@pytest.mark.parametrize("cell", ['{"a": 1}', "[1, 2]", "9" * 400, "9" * 5_000, '"many"'])
@pytest.mark.parametrize("column", ["plan", "newsletter", "seats", "spend"])
def test_a_cell_of_json_lines_that_is_no_value_is_one_unreadable_cell(
    tmp_path: Path, second_contract: Contract, column: str, cell: str
) -> None:
    path = tmp_path / "live.jsonl"
    good = {
        "plan": '"pro"', "region": "null", "auto_renew": "true", "newsletter": "false",
        "seats": "5", "spend": "1e2", "peak_spend": "null",
    }  # fmt: skip
    rows = [good, good | {column: cell}, good]
    path.write_text(
        "".join(f"{{{', '.join(f'{chr(34)}{k}{chr(34)}: {v}' for k, v in row.items())}}}\n" for row in rows)
    )
    found = read(path, second_contract)
    (mask,) = find_violations(second_contract, found).values()
    assert mask.tolist() == [False, True, False]
    beside = found.assign(**{PREDICTION: 0.5})
    assert column in compare(second_contract, beside, beside).kinds


@pytest.mark.parametrize(
    ("cells", "unreadable"),
    [
        (pa.array([1, 2], pa.timestamp("us")), [True, True]),
        (pa.array([Decimal("20.50"), Decimal("3.00")]), [False, False]),
        (pa.array(["20.5", "many"]), [False, True]),
        (pa.array(["20.5", "many"]).dictionary_encode(), [False, True]),
    ],
    ids=["time", "decimal", "text", "dictionary"],
)
def test_columns_of_other_types_in_parquet_hold_numbers_or_unreadable_cells(
    tmp_path: Path, second_contract: Contract, cells: Any, unreadable: list[bool]
) -> None:
    path = tmp_path / "live.parquet"
    others = {"region": ["north"] * 2, "auto_renew": [True] * 2, "newsletter": [True] * 2, "seats": [1, 2]}
    pq.write_table(pa.table({"plan": ["pro"] * 2, "peak_spend": [90.0] * 2, "spend": cells} | others), path)
    broken = find_violations(second_contract, read(path, second_contract))
    assert broken.get("spend not a number", np.zeros(2, bool)).tolist() == unreadable
    assert broken.keys() <= {"spend not a number"}


@pytest.mark.parametrize(("line", "problem"), [("[1]", "is not a JSON object"), ("{plan", "is not JSON")])
def test_a_line_that_is_no_row_is_named(
    tmp_path: Path, second_contract: Contract, monkeypatch: pytest.MonkeyPatch, line: str, problem: str
) -> None:
    monkeypatch.setattr(customer_files, "_CHUNK_ROWS", 2)
    path = tmp_path / "live.jsonl"
    path.write_text(f'{{"plan": "pro"}}\n\n{line}\n')
    with pytest.raises(TableUnreadable, match=f"line 3 {problem}. Give a"):
        read(path, second_contract)


@pytest.mark.parametrize("row", ["secret,1", "secret" + "," * 9])
def test_a_row_of_a_csv_with_other_cells_is_named_without_its_values(
    rows: pd.DataFrame, tmp_path: Path, second_contract: Contract, row: str
) -> None:
    path = tmp_path / "live.csv"
    path.write_text(f"{rows.to_csv(index=False)}{row}\n")
    with pytest.raises(TableUnreadable, match=r"row 4 has another number of cells than the header\. Give a") as caught:
        read(path, second_contract)
    assert "secret" not in str(caught.value)


def test_a_broken_quote_refuses_a_csv_instead_of_swallowing_the_rows_behind_it(
    rows: pd.DataFrame, tmp_path: Path, second_contract: Contract
) -> None:
    path = tmp_path / "live.csv"
    path.write_text(f'{rows.to_csv(index=False)}"pro,north,True,True,1,2,3\npro,north,True,True,1,2,3\n')
    with pytest.raises(TableUnreadable, match="line 6: unexpected end of data"):
        read(path, second_contract)


def test_a_column_of_the_contract_that_comes_twice_is_named(
    rows: pd.DataFrame, tmp_path: Path, second_contract: Contract
) -> None:
    for name in ("live.csv", "live.parquet"):
        table = pa.Table.from_pandas(rows)
        doubled = pa.table([*table.columns, table["spend"]], names=[*table.column_names, "spend"])
        with tables.writing(tmp_path / name, doubled.schema) as write:
            write(doubled)
        with pytest.raises(ColumnRepeated, match="column spend twice"):
            read(tmp_path / name, second_contract)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_large_file_is_counted_whole_and_read_in_part(
    rows: pd.DataFrame, ending: str, tmp_path: Path, second_contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_files, "_CHUNK_ROWS", 100)
    path = tmp_path / f"live{ending}"
    WRITERS[ending](pd.concat([rows] * 500).assign(spend=np.arange(1_500.0)), path)
    found, of_rows = customer_files.read(path, second_contract, rows=50)
    assert (of_rows, found["spend"].nunique(), found["spend"].is_monotonic_increasing) == (1_500, 50, True)


def test_a_file_that_may_not_be_read_is_said_with_its_own_remedy(
    tmp_path: Path, second_contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> Iterator[Chunk]:  # root may read every file
        raise PermissionError(13, "Permission denied", str(path))

    path = tmp_path / "live.csv"
    path.touch()
    monkeypatch.setitem(tables._READERS, ".csv", refuse)
    with pytest.raises(TableLocked, match="Make it readable for this process"):
        read(path, second_contract)


def test_a_file_that_is_not_there_is_said(tmp_path: Path, second_contract: Contract) -> None:
    with pytest.raises(TableMissing, match="no such file"):
        read(tmp_path / "live.csv", second_contract)


def test_an_unknown_ending_is_said(tmp_path: Path, second_contract: Contract) -> None:
    path = tmp_path / "live.xls"
    path.touch()
    with pytest.raises(TableUnreadable, match=r"\.xls is not a known kind of file"):
        read(path, second_contract)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_that_is_not_what_it_says_is_said(tmp_path: Path, ending: str, second_contract: Contract) -> None:
    path = tmp_path / f"live{ending}"
    path.write_bytes(b'\xff\xfe"{]')
    with pytest.raises(TableUnreadable):
        read(path, second_contract)


@pytest.mark.parametrize("ending", WRITERS)
def test_all_missing_columns_are_named_together(
    rows: pd.DataFrame, ending: str, tmp_path: Path, second_contract: Contract
) -> None:
    path = tmp_path / f"live{ending}"
    WRITERS[ending](rows.drop(columns=["plan", "spend"]), path)
    with pytest.raises(ColumnMissing) as caught:
        read(path, second_contract)
    assert caught.value.missing == ("plan", "spend")


def test_ages_and_defaults_are_made_as_in_a_fit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Customer(Features):
        signed: Annotated[float, Age("months")] = Field(ge=0, le=900, examples=[30.0])
        seats: int = Field(ge=0, le=9, examples=[3])

    contract = derive(Customer)
    (tmp_path / "columns.toml").write_text(
        '[target]\ncolumn = "none"\n[features]\nsigned = { column = "begun", age_at = "seen" }\n'
        'seats = { default = 4 }\n[csv]\ntime = "%d.%m.%Y"\n'
    )
    mapping = column_mapping.read(tmp_path / "columns.toml", contract)
    folder = tmp_path / "live" / "seen=29.02.2004"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"begun": ["29.02.2000", "29.02.2004"]}), folder / "part-0.parquet")
    found, of_rows = customer_files.read(tmp_path / "live", contract, rows=10, mapping=mapping)
    assert (sorted(found["signed"]), found["seats"].tolist(), of_rows) == ([0, 48], [4, 4], 2)
    assert 'seats is 4 in all rows, the default, because the table has no column "seats"' in caplog.messages


@pytest.mark.parametrize("ending", WRITERS)
def test_a_field_that_clients_may_leave_out_may_be_missing(
    ending: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Customer(Features):
        seats: int = Field(ge=0, le=9, examples=[3])
        bill: float | None = Field(default=None, ge=0, le=9, examples=[1.0])

    WRITERS[ending](pd.DataFrame({"seats": [4, 5]}), tmp_path / f"live{ending}")
    found = read(tmp_path / f"live{ending}", derive(Customer))
    assert (sorted(found["seats"]), found["bill"].isna().tolist()) == ([4, 5], [True, True])
    assert 'bill is unknown in all rows, the default, because the table has no column "bill"' in caplog.messages
