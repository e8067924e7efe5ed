"""Figures equal scikit-learn's, intervals have the right width, and estimates hold for right probabilities."""

import numpy as np
import pytest
from sklearn import metrics

from models.bundles import quality, recalibration
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Vector

DEFAULT = RiskPolicy()


def draw(rows: int, seed: int = 0, *, digits: int = 17) -> tuple[Vector, Labels]:
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.8, 2, rows).round(digits)
    return probability, (rng.random(rows) < probability).astype(np.int64)


def values(probability: Vector, churned: Labels, *, threshold: float = 0.5) -> dict[str, float]:
    figures = quality.measured(probability, churned, RiskPolicy(threshold=threshold))
    return {name: figure.value for name, figure in figures.items()}


@pytest.mark.parametrize(("rows", "digits"), [(450, 17), (450, 1), (20_000, 17)])
def test_figures_are_those_of_scikit_learn(rows: int, digits: int) -> None:
    probability, churned = draw(rows, digits=digits)
    flagged = probability >= 0.3
    found = values(probability, churned, threshold=0.3)
    expected = {
        "roc_auc": metrics.roc_auc_score(churned, probability),
        "pr_auc": metrics.average_precision_score(churned, probability),
        "brier": metrics.brier_score_loss(churned, probability),
        "log_loss": metrics.log_loss(churned, probability),
        "f1": metrics.f1_score(churned, flagged),
        "accuracy": metrics.accuracy_score(churned, flagged),
        "precision": metrics.precision_score(churned, flagged),
        "recall": metrics.recall_score(churned, flagged),
        "calibration_gap": churned.mean() - probability.mean(),
        "cost": np.mean(0.3 * (flagged & (churned == 0)) + 0.7 * (~flagged & (churned == 1))),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_the_calibration_error_is_the_distance_to_the_recalibration() -> None:
    probability, churned = draw(500)
    line = recalibration.fit(probability, churned)
    found = quality.measured(probability, churned, RiskPolicy(medium_from=0.25, high_from=0.75))
    assert found["calibration_error"].value == pytest.approx(np.abs(line.apply(probability) - probability).mean())
    assert (found["calibration_slope"].value, found["calibration_intercept"].value) == (line.slope, line.intercept)
    at_bounds = [found["churned_at_medium_bound"].value, found["churned_at_high_bound"].value]
    assert at_bounds == pytest.approx(line.apply(np.array([0.25, 0.75])))


@pytest.mark.parametrize("rows", [60, 1_000, 20_000])
@pytest.mark.parametrize("bent", [1, 2])
def test_every_interval_contains_its_figure(rows: int, bent: float) -> None:
    for seed in range(5):
        probability, churned = draw(rows, seed)
        for name, figure in quality.measured(probability**bent, churned, DEFAULT).items():
            assert figure.low <= figure.value <= figure.high, name


def test_right_probabilities_reach_the_limit_of_chance_as_often_as_it_says() -> None:
    beyond = 0
    for seed in range(100):
        probability, churned = draw(500, seed)
        limit = quality.chance_calibration_error(probability, DEFAULT, rate=0.1)
        beyond += quality.exact(probability, churned, DEFAULT)["calibration_error"] >= limit
    assert 3 <= beyond <= 18  # 10 are expected


def test_the_limit_of_frequent_looks_is_that_of_many_draws() -> None:
    probability, _ = draw(500)
    groups = quality.group(probability, DEFAULT, most=50)
    left = np.random.default_rng(1).binomial(groups.rows, groups.probability, (100_000, len(groups.rows)))
    drawn = recalibration.errors(
        groups.probability, recalibration.lines(groups.probability, left, groups.rows), groups.rows
    )
    limit = quality.chance_calibration_error(probability, DEFAULT, rate=1e-4)
    assert limit == pytest.approx(np.quantile(drawn, 1 - 1e-4), rel=0.08)
    assert quality.chance_calibration_error(probability, DEFAULT, rate=2.9e-5) > limit


def test_a_probability_at_the_threshold_is_flagged_even_among_many() -> None:
    probability, churned = draw(50_000, digits=3)
    flagged = probability >= 0.4
    assert values(probability, churned, threshold=0.4)["recall"] == metrics.recall_score(churned, flagged)


def test_one_probability_for_all_ranks_nobody() -> None:
    _, churned = draw(500)
    found = values(np.full(500, 0.2), churned)
    assert [found[name] for name in ("roc_auc", "precision", "recall", "f1")] == [0.5, 0, 0, 0]


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "log_loss", "cost", "calibration_gap"])
def test_intervals_are_as_wide_as_figures_scatter(metric: str) -> None:
    scattered = []
    for seed in range(300):
        probability, churned = draw(500, seed)
        groups = quality.group(probability, DEFAULT)
        left = np.bincount(groups.of_row, weights=churned)
        scattered.append(quality.measure(groups, groups.rows - left, left)[metric])
    deviation = quality.measured(*draw(500, seed=1_000), DEFAULT)[metric].deviation
    assert deviation == pytest.approx(np.std(scattered), rel=0.2)


def test_the_estimate_is_the_mean_over_the_outcomes_that_probabilities_make() -> None:
    probability, _ = draw(400)
    rng = np.random.default_rng(1)
    drawn = np.array([metrics.roc_auc_score(rng.random(400) < probability, probability) for _ in range(1_000)])
    estimate = quality.estimated(probability, DEFAULT)
    assert estimate is not None
    roc_auc = estimate["roc_auc"]
    assert roc_auc.value == pytest.approx(np.mean(drawn), abs=0.003)
    assert np.mean((roc_auc.low < drawn) & (drawn < roc_auc.high)) == pytest.approx(0.95, abs=0.025)


def test_the_estimate_sees_customers_who_are_harder_to_tell_apart() -> None:
    probability, churned = draw(20_000)
    middle = (probability > 0.2) & (probability < 0.5)
    estimate = quality.estimated(probability[middle], DEFAULT)
    assert estimate is not None
    live = quality.measured(probability[middle], churned[middle], DEFAULT)
    assert live["roc_auc"].value < 0.7
    assert estimate["roc_auc"].value == pytest.approx(live["roc_auc"].value, abs=0.02)


def test_the_estimate_is_blind_to_customers_who_behave_otherwise() -> None:
    probability, churned = draw(5_000)
    estimate = quality.estimated(probability, DEFAULT)
    shuffled = np.random.default_rng(0).permutation(churned)
    assert estimate is not None
    assert values(probability, churned)["roc_auc"] == pytest.approx(estimate["roc_auc"].value, abs=0.02)
    assert values(probability, shuffled)["roc_auc"] < estimate["roc_auc"].low - 0.2


@pytest.mark.parametrize("probability", [np.empty(0), np.full(500, 0.01), np.full(500, 0.99)])
def test_there_is_no_estimate_where_too_few_would_churn_or_stay(probability: Vector) -> None:
    assert quality.estimated(probability, DEFAULT) is None


@pytest.mark.parametrize(
    ("rows", "churned", "missing"),
    [
        (199, 100, "199 outcomes, at least 200 are needed"),
        (200, 0, "0 of 200 customers churned; at least 20 must have churned, and as many stayed"),
        (1_000, 981, "981 of 1,000 customers churned; at least 20 must have churned, and as many stayed"),
    ],
)
def test_too_few_outcomes_are_said(rows: int, churned: int, missing: str) -> None:
    said = quality.shortage((np.arange(rows) < churned).astype(np.int64), min_rows=200)
    assert said == missing


def test_enough_outcomes_lack_nothing() -> None:
    assert quality.shortage((np.arange(200) < 20).astype(np.int64), min_rows=200) is None


def test_what_decisions_cost_follows_the_tiers() -> None:
    costs = Costs(
        value_of_kept_customer=500,
        medium=Offer(contact_cost=15, success_rate=0.1),
        high=Offer(contact_cost=85, success_rate=0.3),
    )
    probability = np.repeat([0.1, 0.5, 0.9], 40)
    churned = np.tile([0, 0, 0, 1], 30)
    found = quality.exact(probability, churned, RiskPolicy(threshold=0.3, medium_from=0.3, high_from=0.7, costs=costs))
    of_thirty_stayers, of_ten_leavers = 30 * (0 + 15 + 85), 10 * (500 + 15 + 450 + 85 + 350)
    assert found["cost"] == pytest.approx((of_thirty_stayers + of_ten_leavers) / 120)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    truth = 1 / 6  # the mean of p (1 - p) for p uniform in [0, 1]
    covered = 0
    for _ in range(200):
        probability = rng.random(300)
        churned = (rng.random(300) < probability).astype(np.int64)
        interval = quality.measured(probability, churned, DEFAULT)["brier"]
        covered += interval.low <= truth <= interval.high
    assert 181 <= covered < 200  # 190 are expected; fewer than 181, or all, would say that the width is wrong


@pytest.mark.parametrize("rows", [400, 4_000])
def test_repeated_rows_have_the_intervals_of_the_rows_once(rows: int) -> None:
    probability, churned = draw(rows)
    of_row = np.repeat(np.arange(rows), 5)
    once = quality.measured(probability, churned, DEFAULT)
    repeated = quality.measured(probability[of_row], churned[of_row], DEFAULT, customers=of_row)
    alone = quality.measured(probability[of_row], churned[of_row], DEFAULT)
    for name, figure in once.items():
        assert repeated[name].value == pytest.approx(figure.value, rel=1e-5)
        assert repeated[name].deviation == pytest.approx(figure.deviation, rel=0.2)
        if name != "calibration_error":  # it has a least value, so more rows narrow one side
            assert alone[name].deviation == pytest.approx(figure.deviation / np.sqrt(5), rel=0.2)


def test_customers_with_one_row_each_change_no_interval() -> None:
    probability, churned = draw(500)
    customers = np.random.default_rng(0).permutation(500)
    found = quality.measured(probability, churned, DEFAULT, customers=customers)
    assert found == quality.measured(probability, churned, DEFAULT)


def test_rows_of_few_customers_are_too_few() -> None:
    churned, customers = np.tile([0, 1], 500), np.repeat(np.arange(20), 50)
    assert quality.shortage(churned, min_rows=100, customers=customers) is None
    few = quality.shortage(churned, min_rows=100, customers=customers // 2)
    assert few == "10 customers churned, or stayed; at least 20 of each are needed"


def test_a_resample_without_a_churner_makes_no_interval_unknown() -> None:
    churned = (np.arange(50) < 3).astype(np.int64)  # of 500 resamples 25 have none
    figures = quality.measured(np.linspace(0.9, 0.1, 50), churned, DEFAULT)
    assert all(np.isfinite([figure.value, figure.low, figure.high]).all() for figure in figures.values())
