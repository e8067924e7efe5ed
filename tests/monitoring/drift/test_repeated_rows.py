"""Rows that repeat others are noticed where different customers would not be alike, and only there."""

import numpy as np
import pandas as pd
import pytest

from models.customer.contract import Contract
from models.features import CONTRACT
from monitoring.drift import repeated_rows


def coarse(rows: int, seed: int) -> pd.DataFrame:
    """Customers of so few kinds that many are alike by chance."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: np.zeros(rows) for name in CONTRACT.names})
    table[CONTRACT.names[0]] = rng.integers(0, 60, rows)
    return table


def fine(rows: int, seed: int) -> pd.DataFrame:
    return coarse(rows, seed).assign(**{CONTRACT.names[1]: np.random.default_rng(seed).random(rows)})


def test_different_customers_are_not_repeated() -> None:
    found = repeated_rows.find(CONTRACT, fine(1_000, 1), fine(1_000, 2))
    assert (found.share, found.expected, found.are_many) == (0, 0, False)


@pytest.mark.parametrize("times", [2, 10])
def test_repeated_customers_are_noticed(times: int) -> None:
    found = repeated_rows.find(CONTRACT, pd.concat([fine(500, 1)] * times), fine(1_000, 2))
    assert found.share == 1 - 1 / times
    assert found.are_many


@pytest.mark.parametrize("rows", [200, 2_000, 20_000])
def test_customers_who_are_alike_by_chance_are_expected_in_windows_of_any_size(rows: int) -> None:
    found = repeated_rows.find(CONTRACT, coarse(rows, 1), coarse(5_000, 2))
    assert found.share > 0.5
    assert not found.are_many


def test_a_few_repeated_rows_are_not_worth_a_sentence() -> None:
    live = fine(1_000, 1)
    assert not repeated_rows.find(CONTRACT, pd.concat([live, live[:50]]), fine(1_000, 2)).are_many


def test_unknown_values_are_equal() -> None:
    live = fine(100, 1).assign(**{CONTRACT.names[2]: np.nan})
    assert repeated_rows.find(CONTRACT, pd.concat([live, live]), fine(100, 2)).share == 0.5


def test_no_rows_are_repeated_where_there_are_none(second_contract: Contract) -> None:
    empty = pd.DataFrame({name: [] for name in second_contract.names})
    assert repeated_rows.find(second_contract, empty, empty) == repeated_rows.RepeatedRows(0, 0)
