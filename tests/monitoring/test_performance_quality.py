"""Figures are scikit-learn's, intervals as wide as chance, and estimates what right probabilities lead to."""

import numpy as np
import pytest
from sklearn import metrics

from models.contract import Labels, Vector
from monitoring import quality


def draw(rows: int, seed: int = 0, *, digits: int = 17) -> tuple[Vector, Labels]:
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.8, 2, rows).round(digits)
    return probability, (rng.random(rows) < probability).astype(np.int64)


def values(probability: Vector, churned: Labels, *, threshold: float = 0.5) -> dict[str, float]:
    figures = quality.realised(probability, churned, threshold=threshold)
    return {name: figure.value for name, figure in figures.items()}


@pytest.mark.parametrize(("rows", "digits", "tolerance"), [(450, 17, 1e-9), (450, 1, 1e-9), (20_000, 17, 2e-3)])
def test_figures_are_those_of_scikit_learn(rows: int, digits: int, tolerance: float) -> None:
    probability, churned = draw(rows, digits=digits)
    flagged = probability >= 0.3
    found = values(probability, churned, threshold=0.3)
    expected = {
        "roc_auc": metrics.roc_auc_score(churned, probability),
        "pr_auc": metrics.average_precision_score(churned, probability),
        "brier": metrics.brier_score_loss(churned, probability),
        "log_loss": metrics.log_loss(churned, probability),
        "precision": metrics.precision_score(churned, flagged),
        "recall": metrics.recall_score(churned, flagged),
        "calibration_gap": churned.mean() - probability.mean(),
        "cost": np.mean(0.3 * (flagged & (churned == 0)) + 0.7 * (~flagged & (churned == 1))),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=tolerance)


def test_the_calibration_error_is_over_ten_bins_of_equally_many_rows() -> None:
    probability, churned = draw(500)
    tenths = np.argsort(probability).reshape(10, 50)
    by_hand = np.abs(churned[tenths].mean(axis=1) - probability[tenths].mean(axis=1)).mean()
    assert values(probability, churned)["calibration_error"] == pytest.approx(by_hand)


def test_a_probability_at_the_threshold_is_flagged_even_among_many() -> None:
    probability, churned = draw(50_000, digits=3)
    flagged = probability >= 0.4
    assert values(probability, churned, threshold=0.4)["recall"] == metrics.recall_score(churned, flagged)


def test_one_probability_for_all_ranks_nobody() -> None:
    _, churned = draw(500)
    found = values(np.full(500, 0.2), churned)
    assert (found["roc_auc"], found["precision"], found["recall"]) == (0.5, 0, 0)


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "log_loss", "cost", "calibration_gap"])
def test_intervals_are_as_wide_as_figures_scatter(metric: str) -> None:
    scattered = []
    for seed in range(300):
        probability, churned = draw(500, seed)
        groups = quality.group(probability, threshold=0.5)
        left = np.bincount(groups.of_row, weights=churned)
        scattered.append(quality.measure(groups, groups.rows - left, left)[metric])
    deviation = quality.realised(*draw(500, seed=1_000), threshold=0.5)[metric].deviation
    assert deviation == pytest.approx(np.std(scattered), rel=0.2)


def test_the_estimate_is_the_mean_over_the_outcomes_that_probabilities_make() -> None:
    probability, _ = draw(400)
    rng = np.random.default_rng(1)
    drawn = np.array([metrics.roc_auc_score(rng.random(400) < probability, probability) for _ in range(1_000)])
    estimate = quality.promised(probability, threshold=0.5)
    assert estimate is not None
    roc_auc = estimate["roc_auc"]
    assert roc_auc.value == pytest.approx(np.mean(drawn), abs=0.003)
    assert np.mean((roc_auc.low < drawn) & (drawn < roc_auc.high)) == pytest.approx(0.95, abs=0.025)


def test_the_estimate_sees_customers_who_are_harder_to_tell_apart() -> None:
    probability, churned = draw(20_000)
    middle = (probability > 0.2) & (probability < 0.5)
    estimate = quality.promised(probability[middle], threshold=0.5)
    assert estimate is not None
    live = quality.realised(probability[middle], churned[middle], threshold=0.5)
    assert live["roc_auc"].value < 0.7
    assert estimate["roc_auc"].value == pytest.approx(live["roc_auc"].value, abs=0.02)


def test_the_estimate_is_blind_to_customers_who_behave_otherwise() -> None:
    probability, churned = draw(5_000)
    estimate = quality.promised(probability, threshold=0.5)
    shuffled = np.random.default_rng(0).permutation(churned)
    assert estimate is not None
    assert values(probability, churned)["roc_auc"] == pytest.approx(estimate["roc_auc"].value, abs=0.02)
    assert values(probability, shuffled)["roc_auc"] < estimate["roc_auc"].low - 0.2


@pytest.mark.parametrize("probability", [np.empty(0), np.full(500, 0.01), np.full(500, 0.99)])
def test_there_is_no_estimate_where_too_few_would_churn_or_stay(probability: Vector) -> None:
    assert quality.promised(probability, threshold=0.5) is None


@pytest.mark.parametrize(
    ("rows", "churned", "missing"),
    [
        (199, 100, "199 outcomes, at least 200 are needed. "),
        (200, 0, "0 of 200 customers churned, at least 20 must have, and as many stayed. "),
        (1_000, 981, "981 of 1,000 customers churned, at least 20 must have, and as many stayed. "),
    ],
)
def test_too_few_outcomes_are_said_with_what_to_do(rows: int, churned: int, missing: str) -> None:
    said = quality.shortage((np.arange(rows) < churned).astype(np.int64), min_rows=200)
    assert said == f"{missing}Report outcomes, wait for more, or look further back with --since."


def test_enough_outcomes_lack_nothing() -> None:
    assert quality.shortage((np.arange(200) < 20).astype(np.int64), min_rows=200) is None
