"""Importance follows what a model uses, in shares of one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundles import bundle
from models.customer.contract import Contract
from models.features import CONTRACT
from monitoring.drift import baseline
from monitoring.drift.baseline import Baseline
from monitoring.drift.row_counts import PREDICTION

Draw = Callable[[int, int], pd.DataFrame]
Publish = Callable[[pd.DataFrame, Contract], Path]


def load(shelf: Path, contract: Contract = CONTRACT) -> Baseline:
    return baseline.load(bundle.load(shelf, contract=contract), contract, rows=50_000)


def test_importance_is_a_share_and_what_the_model_ignores_has_none(shelf: Path) -> None:
    importance = load(shelf).importance
    assert tuple(importance) == CONTRACT.names
    assert sum(importance.values()) == pytest.approx(1)
    assert importance["total_charges"] == 0
    assert min(share for name, share in importance.items() if name != "total_charges") > 0.1


def test_importance_is_the_mean_change_of_predictions_when_a_column_changes_hands(shelf: Path) -> None:
    found = load(shelf)
    order = np.random.default_rng(1).permutation(len(found.table))
    moved = {}
    for name in CONTRACT.names:
        changed = found.table.assign(**{name: found.table[name].to_numpy()[order]})
        matrix = CONTRACT.to_matrix(changed)
        moved[name] = np.abs(found.scorer.score(matrix) - found.table[PREDICTION]).mean()
    expected = {name: change / sum(moved.values()) for name, change in moved.items()}
    assert found.importance == pytest.approx(expected, abs=0.02)


def test_a_model_that_predicts_the_same_for_all_rests_on_all_alike(
    publish_reference: Publish, second_contract: Contract
) -> None:
    rows = pd.DataFrame([second_contract.example] * 10)
    importance = load(publish_reference(rows, second_contract), second_contract).importance
    assert set(importance.values()) == {1 / 7}


def test_predictions_are_those_of_the_model_and_none_where_the_contract_is_broken(shelf: Path, customers: Draw) -> None:
    found, rows = load(shelf), customers(100, 5)
    rows.loc[::4, "monthly_charges"] = -1
    predicted = found.predict(rows)
    whole = rows["monthly_charges"] >= 0
    assert np.isnan(predicted).tolist() == (~whole).tolist()
    assert predicted[whole] == pytest.approx(found.scorer.score(CONTRACT.to_matrix(rows[whole])))
