"""Constraints apply to the right columns, and the pipeline gives the probabilities that the service gives."""

from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

from models.bundles.calibration import Calibration
from models.customer.contract import Contract, Labels, Matrix, Vector
from models.features import CONTRACT
from training.data import synthetic
from training.errors import ConstraintInvalid, SettingsError
from training.learning import evaluation, model

SHIFTED = Calibration(method="sigmoid", slope=1.5, intercept=-0.5)
BENT = Calibration(method="isotonic", knots=[(0.1, 0.05), (0.5, 0.6), (0.9, 0.8)])


def customers(rows: int = 400) -> tuple[pd.DataFrame, Labels]:
    table, _ = synthetic.sample(rows, seed=1)
    return table[list(CONTRACT.names)], table["churned"].to_numpy()


def served(**monotone: int) -> XGBClassifier:
    constraints = model.constrain(monotone, CONTRACT)
    return model.served(parameters={"n_estimators": 20}, constraints=constraints, seed=1, threads=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in a fit: scikit-learn's boosting would wait for every core."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def classifier() -> XGBClassifier:
    features, churned = customers()
    return served().fit(CONTRACT.to_matrix(features), churned)


def over_tenure(classifier: XGBClassifier) -> Vector:
    """The probabilities of one customer at every tenure."""
    one = CONTRACT.to_matrix({name: [value] for name, value in CONTRACT.example.items()})
    matrix: Matrix = np.repeat(one, 121, axis=0)
    matrix[:, 0] = np.arange(121)
    return evaluation.predict(classifier, matrix)


def test_constraints_stand_in_the_order_of_the_matrix(second_contract: Contract) -> None:
    found = model.constrain({"peak_spend": -1, "seats": 1, "auto_renew": -1}, second_contract)
    assert found == (*(0, 0, 0), *(0, 0), -1, 0, 1, 0, -1)  # three plans and two regions come first


def test_without_constraints_there_are_none() -> None:
    assert model.constrain({}, CONTRACT) is None


@pytest.mark.parametrize("feature", ["contract_type", "contract_type=0", "age"])
def test_a_constraint_on_what_is_no_number_is_refused_with_those_that_are(feature: str) -> None:
    with pytest.raises(ConstraintInvalid, match=f"--monotone {feature}: .* Name one of tenure_months, mon") as caught:
        model.constrain({"tenure_months": -1, feature: 1}, CONTRACT)
    assert caught.value.feature == feature
    assert caught.value.numbers == ("tenure_months", "monthly_charges", "total_charges", "support_tickets")
    assert isinstance(caught.value, SettingsError)


@pytest.mark.parametrize("way", [1, -1])
def test_a_constrained_model_goes_one_way_and_a_free_one_need_not(way: int, classifier: XGBClassifier) -> None:
    features, churned = customers()
    bound = served(tenure_months=way).fit(CONTRACT.to_matrix(features), churned)
    assert (way * np.diff(over_tenure(bound)) >= 0).all()
    free = np.diff(over_tenure(classifier))
    assert free.min() < 0 < free.max()


def test_the_served_model_has_the_parameters_that_were_chosen() -> None:
    made = model.served(parameters=model.PARAMETERS, constraints=None, seed=3, threads=2)
    assert model.PARAMETERS.items() <= made.get_params().items()
    assert (made.random_state, made.n_jobs) == (3, 2)


@pytest.mark.parametrize("name", model.ALGORITHMS)
def test_every_algorithm_gives_probabilities_of_customers_of_whom_something_is_unknown(name: str) -> None:
    features, churned = customers()
    matrix = CONTRACT.to_matrix(features)
    assert np.isnan(matrix).any()
    fitted = clone(model.candidates(served(), seed=1, threads=1)[name]).fit(matrix, churned)
    probability = evaluation.predict(fitted, matrix)
    assert probability.shape == (400,)
    assert ((probability >= 0) & (probability <= 1)).all()


@pytest.mark.parametrize("name", model.ALGORITHMS)
def test_every_algorithm_can_do_without_a_feature_that_is_unknown_for_everybody(name: str) -> None:
    features, churned = customers()
    matrix = CONTRACT.to_matrix(features.assign(total_charges=np.nan))
    fitted = clone(model.candidates(served(), seed=1, threads=1)[name]).fit(matrix, churned)
    assert np.isfinite(evaluation.predict(fitted, matrix)).all()


def test_the_model_that_all_must_beat_says_the_share_of_churners_of_everybody() -> None:
    features, churned = customers()
    matrix = CONTRACT.to_matrix(features)
    constant = model.candidates(served(), seed=1, threads=1)[model.CONSTANT].fit(matrix, churned)
    np.testing.assert_allclose(evaluation.predict(constant, matrix), churned.mean())


@pytest.mark.parametrize("calibration", [Calibration(), SHIFTED, BENT], ids=lambda one: one.method)
def test_the_pipeline_takes_a_table_and_gives_calibrated_probabilities(
    classifier: XGBClassifier, calibration: Calibration
) -> None:
    features, _ = customers()
    raw = evaluation.predict(classifier, CONTRACT.to_matrix(features))
    both = model.pipeline(CONTRACT, classifier, calibration).predict_proba(features)
    assert both.shape == (400, 2)
    np.testing.assert_allclose(both[:, 1], calibration.apply(raw), rtol=1e-12)
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-12)


def test_the_pipeline_reads_columns_by_name(classifier: XGBClassifier) -> None:
    features, _ = customers()
    pipeline = model.pipeline(CONTRACT, classifier, SHIFTED)
    other_order = features[list(CONTRACT.names)[::-1]].assign(more=1)
    np.testing.assert_array_equal(pipeline.predict_proba(other_order), pipeline.predict_proba(features))


@pytest.mark.parametrize("calibration", [SHIFTED, BENT], ids=lambda one: one.method)
def test_the_pipeline_survives_a_file(classifier: XGBClassifier, calibration: Calibration, tmp_path: Path) -> None:
    features, _ = customers()
    before = model.pipeline(CONTRACT, classifier, calibration)
    joblib.dump(before, tmp_path / "pipeline.joblib")
    after: Pipeline = joblib.load(tmp_path / "pipeline.joblib")
    np.testing.assert_array_equal(after.predict_proba(features), before.predict_proba(features))
    assert after[-1].calibration == calibration


def test_the_classes_of_the_pipeline_are_stay_and_churn_in_this_order(classifier: XGBClassifier) -> None:
    made = model.pipeline(CONTRACT, classifier, SHIFTED)
    assert made.classes_.tolist() == [0, 1]


def test_fitting_the_pipeline_anew_changes_nothing(classifier: XGBClassifier) -> None:
    features, churned = customers()
    made = model.pipeline(CONTRACT, classifier, SHIFTED)
    before = made.predict_proba(features)
    np.testing.assert_array_equal(made.fit(features, 1 - churned).predict_proba(features), before)
