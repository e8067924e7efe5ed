"""Logistic recalibration is the most likely line, and its intervals contain what they measure."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.bundles import recalibration
from models.bundles.calibration import log_odds
from models.bundles.recalibration import Recalibration
from models.customer.contract import Labels, Vector


def draw(rows: int, *, slope: float = 1, intercept: float = 0, seed: int = 0) -> tuple[Vector, Labels]:
    """Draw probabilities whose outcomes follow the line."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(1, 2.5, rows)
    truth = Recalibration(slope, intercept).apply(probability)
    return probability, (rng.random(rows) < truth).astype(np.int64)


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.5, -0.4), (2.5, 1)])
def test_the_line_is_that_of_a_logistic_regression(slope: float, intercept: float) -> None:
    probability, churned = draw(4_000, slope=slope, intercept=intercept)
    found = recalibration.fit(probability, churned)
    line = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds(probability)[:, np.newaxis], churned)
    assert (found.slope, found.intercept) == pytest.approx((line.coef_[0, 0], line.intercept_[0]), abs=1e-3)
    assert found.slope_interval[0] < slope < found.slope_interval[1]
    assert found.intercept_interval[0] < intercept < found.intercept_interval[1]


def test_a_weight_counts_a_row_as_several() -> None:
    probability, churned = draw(500)
    weights = np.arange(500) % 3
    found = recalibration.fit(probability, churned, weights=weights.astype(np.float64))
    repeated = recalibration.fit(np.repeat(probability, weights), np.repeat(churned, weights))
    assert (found.slope, found.intercept) == pytest.approx((repeated.slope, repeated.intercept))
    assert np.array(found.covariance) == pytest.approx(np.array(repeated.covariance))


def test_rows_of_one_customer_count_as_one_for_the_intervals() -> None:
    probability, churned = draw(500)
    alone = recalibration.fit(probability, churned, customers=np.arange(500))
    tenfold = np.repeat(probability, 10), np.repeat(churned, 10)
    grouped = recalibration.fit(*tenfold, customers=np.repeat(np.arange(500), 10))
    assert grouped.slope_interval == pytest.approx(alone.slope_interval, abs=1e-4)
    narrow = recalibration.fit(*tenfold).slope_interval
    assert narrow[1] - narrow[0] < (alone.slope_interval[1] - alone.slope_interval[0]) / 2.5


def test_the_error_is_the_mean_distance_to_the_recalibrated_probabilities() -> None:
    probability = np.array([0.2, 0.5])
    line = Recalibration(slope=1, intercept=float(np.log(4)))  # odds are four times as high: 0.25 to 1, and 1 to 4
    assert line.apply(probability) == pytest.approx([0.5, 0.8])
    assert recalibration.error(probability, line) == pytest.approx(0.3)
    assert recalibration.error(probability, line, weights=np.array([0.0, 2.0])) == pytest.approx(0.3)
    assert recalibration.error(probability, Recalibration(1, 0)) == pytest.approx(0)


def test_the_interval_of_the_error_begins_at_zero_only_where_the_model_may_be_calibrated() -> None:
    for slope, calibrated in ((1.0, True), (0.6, False)):
        probability, churned = draw(4_000, slope=slope)
        found = recalibration.fit(probability, churned)
        low, high = recalibration.error_interval(probability, found)
        truth = recalibration.error(probability, Recalibration(slope, 0))
        assert found.may_be_calibrated == calibrated
        assert (low == 0) == calibrated
        assert low <= truth <= high
        assert low <= recalibration.error(probability, found) <= high


def test_outcomes_that_leave_the_line_open_give_finite_figures() -> None:
    split = np.array([0.2, 0.3, 0.7, 0.8]), np.array([0, 0, 1, 1])  # any steep line fits perfectly
    constant = np.full(40, 0.5), np.arange(40) % 4 // 3  # one point has no slope
    everybody = np.array([1.0, 1.0, 0.0]), np.array([1, 1, 1])
    for probability, churned in (split, constant, everybody):
        found = recalibration.fit(probability, churned)
        assert np.isfinite([found.slope, found.intercept, *found.slope_interval, *found.intercept_interval]).all()
        assert 0 <= recalibration.error(probability, found) <= 1
        low, high = recalibration.error_interval(probability, found)
        assert 0 <= low <= recalibration.error(probability, found) <= high <= 1
    assert recalibration.fit(*constant).apply(np.array([0.5])) == pytest.approx([0.25], abs=1e-4)


def test_many_lines_are_fitted_at_once() -> None:
    probability, churned = draw(300)
    both = recalibration.lines(probability, np.stack([churned, 1 - churned]), np.ones((2, 300)))
    for line, outcomes in zip(both, (churned, 1 - churned), strict=True):
        alone = recalibration.fit(probability, outcomes)
        assert line == pytest.approx([alone.slope, alone.intercept])
        assert recalibration.errors(probability, line, np.ones(300)) == pytest.approx(
            recalibration.error(probability, alone)
        )


def test_a_moved_rate_asks_for_an_intercept_alone_and_other_spread_for_a_slope() -> None:
    rng = np.random.default_rng(0)
    served = rng.beta(1, 3, 4_000)
    score = np.log(served / (1 - served))
    moved, spread = (rng.random(4_000) < 1 / (1 + np.exp(-one)) for one in (score + 0.7, 0.5 * score))
    line = recalibration.simplest(served, moved.astype(np.int64))
    assert line.slope == 1
    assert line.intercept == pytest.approx(0.7, abs=0.12)
    assert line.covariance == recalibration.fit(served, moved.astype(np.int64)).covariance
    assert recalibration.simplest(served, spread.astype(np.int64)).slope == pytest.approx(0.5, abs=0.1)
