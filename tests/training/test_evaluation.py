"""Metrics agree with scikit-learn's, intervals cover what they should, folds are the same for every model."""

import numpy as np
import pytest
from sklearn import metrics

from models.features import CONTRACT
from models.manifest import Interval
from training import evaluation, model, synthetic

RNG = np.random.default_rng(0)
PROBABILITY = RNG.random(800)
CHURNED = (RNG.random(800) < PROBABILITY).astype(np.int64)


def ignored() -> None:
    return None


def test_metrics_agree_with_scikit_learn() -> None:
    decided = PROBABILITY >= 0.4
    assert evaluation.measure(CHURNED, PROBABILITY, threshold=0.4) == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(CHURNED, PROBABILITY),
            "pr_auc": metrics.average_precision_score(CHURNED, PROBABILITY),
            "f1": metrics.f1_score(CHURNED, decided),
            "precision": metrics.precision_score(CHURNED, decided),
            "recall": metrics.recall_score(CHURNED, decided),
            "accuracy": metrics.accuracy_score(CHURNED, decided),
            "brier": metrics.brier_score_loss(CHURNED, PROBABILITY),
            "log_loss": metrics.log_loss(CHURNED, PROBABILITY),
        },
        rel=1e-12,
    )


def test_nobody_flagged_is_no_division_by_zero() -> None:
    measured = evaluation.measure(CHURNED, PROBABILITY * 0.3, threshold=0.5)
    assert (measured["precision"], measured["recall"], measured["f1"]) == (0, 0, 0)


def test_confusion_counts_every_customer_once() -> None:
    counts = evaluation.confusion(np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.9, 0.2, 0.5, 0.8]), threshold=0.5)
    assert counts.model_dump() == {
        "true_negatives": 1,
        "false_positives": 1,
        "false_negatives": 1,
        "true_positives": 2,
    }


def test_intervals_are_seeded_and_hold_the_point() -> None:
    steps: list[int] = []

    def bootstrap(seed: int) -> dict[str, Interval]:
        return evaluation.bootstrap(CHURNED, PROBABILITY, threshold=0.5, seed=seed, on_step=lambda: steps.append(1))

    first, again, other = bootstrap(1), bootstrap(1), bootstrap(2)
    assert len(steps) == 3 * evaluation.RESAMPLES
    assert first == again != other
    for name, value in evaluation.measure(CHURNED, PROBABILITY, threshold=0.5).items():
        assert first[name].low < value < first[name].high


def test_intervals_are_as_wide_as_95_percent_of_a_normal_distribution() -> None:
    classes = [(PROBABILITY - CHURNED)[np.equal(CHURNED, label)] ** 2 for label in (0, 1)]
    within = np.sqrt(sum(errors.var() * len(errors) for errors in classes)) / len(CHURNED)
    interval = evaluation.bootstrap(CHURNED, PROBABILITY, threshold=0.5, seed=3, on_step=ignored)["brier"]
    # 90 % would be 16 % narrower, 99 % 31 % wider.
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * within, rel=0.09)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "RESAMPLES", 100)
    rng = np.random.default_rng(1)
    truth = 1 / 6  # the mean of p (1 - p) for p uniform in [0, 1]
    covered = 0
    for seed in range(40):
        probability = rng.random(300)
        churned = (rng.random(300) < probability).astype(np.int64)
        interval = evaluation.bootstrap(churned, probability, threshold=0.5, seed=seed, on_step=ignored)["brier"]
        covered += interval.low <= truth <= interval.high
    assert 33 <= covered < 40  # 38 are expected; fewer than 33, or all, would say that the width is wrong


def test_every_candidate_is_judged_on_five_folds() -> None:
    customers, _ = synthetic.sample(1_000, seed=1)
    folds = evaluation.cross_validate(
        model.candidates(CONTRACT, seed=1, threads=1),
        customers[list(CONTRACT.names)],
        customers["churned"].to_numpy(),
        threshold=0.5,
        seed=1,
        on_step=ignored,
    )
    assert {name: len(results) for name, results in folds.items()} == {
        model.SERVED: 5,
        model.LINEAR: 5,
        model.CONSTANT: 5,
    }
    spread = evaluation.summarise(folds[model.CONSTANT])
    assert spread["roc_auc"].mean == 0.5
    assert spread["roc_auc"].deviation == 0
