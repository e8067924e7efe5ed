"""Importance is by split gain and by permutation, and the dependence curve shows the direction of the effect."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from xgboost import XGBClassifier

from models.customer.contract import Contract, Labels, Matrix, Vector
from models.features import CONTRACT
from tests import shipped
from training.card import effect_figures
from training.data import synthetic
from training.learning import evaluation, importance, model

shipped.require()

TENURE, MONTHLY, TOTAL, TICKETS, KIND = CONTRACT.matrix_slices.values()


def customers(rows: int = 800) -> tuple[Matrix, Labels]:
    table, _ = synthetic.sample(rows, seed=1)
    return CONTRACT.to_matrix(table), table["churned"].to_numpy()


def fitted(matrix: Matrix, churned: Labels, **monotone: int) -> XGBClassifier:
    parameters = {"n_estimators": 30, "max_depth": 4}
    constraints = model.constrain(monotone, CONTRACT)
    return model.served(parameters=parameters, constraints=constraints, seed=1, threads=1).fit(matrix, churned)


class Formula:
    """A classifier that says what a formula says, and remembers what it was asked."""

    def __init__(self, formula: Any, gains: dict[str, float] | None = None) -> None:
        self.formula, self.gains, self.asked = formula, gains or {}, list[Matrix]()

    def get_booster(self) -> Any:
        return SimpleNamespace(get_score=lambda *, importance_type: {"total_gain": self.gains}[importance_type])

    def predict(self, matrix: Matrix) -> Vector:
        self.asked.append(matrix.copy())
        return np.asarray(self.formula(matrix), dtype=np.float64)

    def predict_proba(self, matrix: Matrix) -> Any:
        churn = self.predict(matrix)
        return np.column_stack([1 - churn, churn])


def measure(classifier: Any, matrix: Matrix, churned: Labels, *, seed: int = 1) -> dict[str, tuple[float, float]]:
    found = importance.measure(classifier, matrix, churned, CONTRACT, seed=seed)
    return {name: (one.gain, one.permutation) for name, one in found.items()}


def dependence(predict: Any, matrix: Matrix, contract: Contract = CONTRACT) -> dict[str, tuple[Any, Vector]]:
    return dict(importance.dependence(predict, matrix, contract, seed=1))


def test_what_the_model_ignores_is_of_no_importance() -> None:
    matrix, churned = customers()
    alike = matrix.copy()
    alike[:, TICKETS] = 0  # nothing to split by
    found = measure(fitted(alike, churned), matrix, churned)
    assert found["support_tickets"] == (0, 0)
    assert min(found["tenure_months"]) > 0.02


def test_a_category_that_the_model_ignores_is_of_no_importance() -> None:
    matrix, churned = customers()
    alike = matrix.copy()
    alike[:, KIND] = 0
    assert measure(fitted(alike, churned), matrix, churned)["contract_type"] == (0, 0)


def test_gains_are_those_of_the_trees_added_over_a_category_and_sum_to_1() -> None:
    matrix, churned = customers()
    classifier = fitted(matrix, churned)
    trees = classifier.get_booster().trees_to_dataframe()
    by_column = trees[trees["Feature"] != "Leaf"].groupby("Feature")["Gain"].sum()
    columns = {"tenure_months": ["f0"], "contract_type": ["f4", "f5", "f6"]}
    found = measure(classifier, matrix, churned)
    assert tuple(found) == CONTRACT.names
    assert sum(gain for gain, _ in found.values()) == pytest.approx(1)
    for name, of in columns.items():
        assert found[name][0] == pytest.approx(by_column.reindex(of).sum() / by_column.sum(), rel=1e-4)


def test_trees_without_a_split_gain_nothing() -> None:
    matrix, churned = customers()
    found = measure(Formula(lambda rows: np.full(len(rows), 0.3)), matrix, churned)
    assert set(found.values()) == {(0, 0)}


def test_what_alone_ranks_customers_loses_all_that_it_gave() -> None:
    matrix, churned = customers(4_000)
    matrix[:, MONTHLY] = churned[:, np.newaxis]
    found = measure(Formula(lambda rows: rows[:, MONTHLY].ravel()), matrix, churned)
    assert found["monthly_charges"][1] == pytest.approx(0.5, abs=0.02)
    assert [lost for _, lost in found.values()].count(0) == 4


def test_a_feature_that_leads_astray_has_less_than_no_importance() -> None:
    matrix, churned = customers()
    matrix[:, MONTHLY] = 1 - churned[:, np.newaxis]
    assert measure(Formula(lambda rows: rows[:, MONTHLY].ravel()), matrix, churned)["monthly_charges"][1] < -0.4


def test_shuffling_moves_whole_categories_and_nothing_else() -> None:
    matrix, churned = customers()
    asked = Formula(lambda rows: rows[:, TENURE].ravel() / 120)
    measure(asked, matrix, churned)
    whole, *shuffled = asked.asked
    assert len(shuffled) == 5 * 5
    changed = [np.flatnonzero((one != whole).any(axis=0) & ~np.isnan(whole).any(axis=0)).tolist() for one in shuffled]
    assert changed == [[0]] * 5 + [[1]] * 5 + [[]] * 5 + [[3]] * 5 + [[4, 5, 6]] * 5
    assert all((one[:, KIND].sum(axis=1) == 1).all() for one in shuffled)
    assert all((np.sort(one[:, TENURE], axis=0) == np.sort(whole[:, TENURE], axis=0)).all() for one in shuffled)


def test_a_seed_repeats_the_shuffles() -> None:
    matrix, churned = customers()
    classifier = fitted(matrix, churned)
    first, again, other = (measure(classifier, matrix, churned, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["tenure_months"][1] != other["tenure_months"][1]


def test_of_very_many_customers_20_000_are_enough() -> None:
    matrix, churned = customers(20_500)
    asked = Formula(lambda rows: rows[:, TENURE].ravel() / 120)
    measure(asked, matrix, churned)
    assert {len(rows) for rows in asked.asked} == {20_000}


def test_a_curve_is_the_mean_when_every_customer_has_the_value() -> None:
    matrix, _ = customers()

    def predict(rows: Matrix) -> Vector:
        return np.asarray(0.002 * rows[:, TENURE.start] + 0.1 * rows[:, TICKETS.start], dtype=np.float64)

    found = dependence(predict, matrix)
    months, mean = found["tenure_months"]
    np.testing.assert_allclose(mean, 0.002 * months + 0.1 * matrix[:, TICKETS].mean(), rtol=1e-5)
    tickets, mean = found["support_tickets"]
    np.testing.assert_allclose(mean, 0.1 * tickets + 0.002 * matrix[:, TENURE].mean(), rtol=1e-5)
    assert np.ptp(found["monthly_charges"][1]) == 0


def test_numbers_are_shown_from_the_first_hundredth_to_the_last_each_once() -> None:
    matrix, _ = customers()
    found = dependence(lambda rows: np.zeros(len(rows)), matrix)
    charges, _ = found["monthly_charges"]
    assert (charges[0], charges[-1]) == pytest.approx(tuple(np.quantile(matrix[:, MONTHLY], [0.01, 0.99])))
    for name in ("tenure_months", "monthly_charges", "support_tickets"):
        values, mean = found[name]
        assert (np.diff(values) > 0).all()
        assert len(values) == len(mean) <= 24


def test_a_number_that_is_unknown_for_some_is_shown_where_it_is_known() -> None:
    matrix, _ = customers()
    assert np.isnan(matrix[:, TOTAL]).any()
    values, mean = dependence(lambda rows: rows[:, TOTAL].ravel(), matrix)["total_charges"]
    np.testing.assert_allclose(mean, values, rtol=1e-6)
    assert np.isfinite(values).all()


def test_a_number_that_is_unknown_for_everybody_has_a_picture_without_points() -> None:
    matrix, _ = customers()
    matrix[:, TOTAL] = np.nan
    found = dependence(lambda rows: np.full(len(rows), 0.2), matrix)
    values, mean = found["total_charges"]
    assert len(values) == len(mean) == 0
    drawn = {plot.get_title(): plot for plot in effect_figures.dependence(found).axes}
    assert set(CONTRACT.names) <= set(drawn)
    assert np.size(drawn["total_charges"].get_lines()[0].get_xdata()) == 0


def test_categories_are_shown_by_label_each_as_if_all_customers_were_of_it() -> None:
    matrix, _ = customers()
    labels, mean = dependence(lambda rows: rows[:, KIND] @ np.array([0.7, 0.4, 0.1]), matrix)["contract_type"]
    assert labels == ["month-to-month", "one-year", "two-year"]
    np.testing.assert_allclose(mean, [0.7, 0.4, 0.1], rtol=1e-6)


def test_every_kind_of_feature_has_a_curve(second_contract: Contract) -> None:
    rows = [second_contract.example | {"region": region} for region in ("north", "south", None)] * 10
    matrix = second_contract.to_matrix({name: [row[name] for row in rows] for name in second_contract.names})
    found = dependence(lambda rows: np.zeros(len(rows)), matrix, second_contract)
    assert tuple(found) == second_contract.names
    assert list(found["plan"][0]) == ["basic", "plus", "pro"]
    assert list(found["auto_renew"][0]) == [1]


@pytest.mark.parametrize("way", [1, -1])
def test_the_curve_of_a_constrained_effect_goes_one_way(way: int) -> None:
    matrix, churned = customers()
    bound, free = (
        dependence(partial(evaluation.predict, fitted(matrix, churned, **monotone)), matrix)["tenure_months"][1]
        for monotone in ({"tenure_months": way}, {})
    )
    assert (way * np.diff(bound) >= -1e-7).all()
    assert (np.diff(free) > 0).any()
    assert (np.diff(free) < 0).any()


def test_of_many_customers_1_000_make_a_curve_and_the_matrix_stays_as_it_is() -> None:
    matrix, _ = customers(1_500)
    before, asked = matrix.copy(), Formula(lambda rows: np.zeros(len(rows)))
    dependence(asked.predict, matrix)
    assert {len(rows) for rows in asked.asked} == {1_000}
    np.testing.assert_array_equal(matrix, before)
