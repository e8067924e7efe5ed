"""A table reads alike from every kind of file, and what is wrong with a file is said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.checks import find_violations
from models.contract import Contract
from monitoring import tables
from monitoring.errors import ColumnsMissing, TableMissing, TableUnreadable


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
    read = tables.read(path, second_contract)
    assert tuple(read.columns) == second_contract.names
    encoded = np.column_stack([feature.encode(read[feature.name]) for feature in second_contract.features])
    nan = np.nan
    expected = [[0, 0, 1, nan, 5, 10.5, 11], [2, nan, 0, 1, nan, 20, nan], [1, 1, 1, 0, 7, 0, 3]]
    np.testing.assert_array_equal(encoded, expected)


def test_cells_of_a_csv_that_cannot_be_read_stay_and_are_found(tmp_path: Path, second_contract: Contract) -> None:
    path = tmp_path / "live.csv"
    path.write_text(
        "plan,region,auto_renew,newsletter,seats,spend,peak_spend\npro,,true,,3,1e2,NA\ngold,None,yes,0,many,1,2\n",
    )
    broken = find_violations(second_contract, tables.read(path, second_contract))
    assert {reason: mask.tolist() for reason, mask in broken.items()} == {
        "plan not one of ['basic', 'plus', 'pro']": [False, True],
        "auto_renew not true or false": [False, True],
        "seats not a number": [False, True],
    }


def test_a_file_that_is_not_there_is_said(tmp_path: Path, second_contract: Contract) -> None:
    with pytest.raises(TableMissing, match="no such file"):
        tables.read(tmp_path / "live.csv", second_contract)


def test_an_unknown_ending_is_said(tmp_path: Path, second_contract: Contract) -> None:
    path = tmp_path / "live.xlsx"
    path.touch()
    with pytest.raises(TableUnreadable, match=r"\.xlsx is not a known kind of file"):
        tables.read(path, second_contract)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_that_is_not_what_it_says_is_said(tmp_path: Path, ending: str, second_contract: Contract) -> None:
    path = tmp_path / f"live{ending}"
    path.write_bytes(b'\xff\xfe"{]')
    with pytest.raises(TableUnreadable):
        tables.read(path, second_contract)


@pytest.mark.parametrize("ending", WRITERS)
def test_all_missing_columns_are_named_together(
    rows: pd.DataFrame, ending: str, tmp_path: Path, second_contract: Contract
) -> None:
    path = tmp_path / f"live{ending}"
    WRITERS[ending](rows.drop(columns=["plan", "spend"]), path)
    with pytest.raises(ColumnsMissing) as caught:
        tables.read(path, second_contract)
    assert caught.value.columns == ["plan", "spend"]
