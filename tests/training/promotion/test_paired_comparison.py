"""Two models on the same customers: which is better, by how much, and with what confidence."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from models.bundles import quality
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Vector
from training.promotion import paired_comparison
from training.promotion.paired_comparison import ScoredModel

POLICY = RiskPolicy()


DEAR, CHEAP = (
    Costs(
        value_of_kept_customer=value,
        medium=Offer(contact_cost=0.03 * value, success_rate=0.1),
        high=Offer(contact_cost=0.17 * value, success_rate=0.3),
    )
    for value in (500, 100)
)


def customers(rows: int, seed: int) -> tuple[Vector, Labels]:
    """True probabilities, and what happened."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(1, 2, rows)
    return probability, (rng.random(rows) < probability).astype(np.int64)


def blurred(probability: Vector, by: float, seed: int) -> ScoredModel:
    odds = np.log(probability / (1 - probability)) + np.random.default_rng(seed).normal(0, by, len(probability))
    return ScoredModel(1 / (1 + np.exp(-odds)), POLICY)


def test_figures_are_those_of_scikit_learn() -> None:
    truth, churned = customers(2_000, seed=1)
    gains = paired_comparison.compare(ScoredModel(truth, POLICY), other := blurred(truth, 1, seed=2), churned)
    assert gains["roc_auc"].challenger == pytest.approx(roc_auc_score(churned, truth))
    assert gains["roc_auc"].champion == pytest.approx(roc_auc_score(churned, other.probability))
    assert gains["brier"].challenger == pytest.approx(brier_score_loss(churned, truth))
    assert gains["brier"].better_by.value == pytest.approx(gains["brier"].champion - gains["brier"].challenger)


def test_the_truth_is_surely_better_than_a_blurred_view_of_it() -> None:
    truth, churned = customers(2_000, seed=1)
    gains = paired_comparison.compare(ScoredModel(truth, POLICY), blurred(truth, 1, seed=2), churned)
    assert all(gain.better_by.low > 0 for gain in gains.values())
    assert all(0 < gain.corrected_low <= gain.better_by.low for gain in gains.values())


def test_to_swap_the_sides_turns_the_sign() -> None:
    truth, churned = customers(1_000, seed=4)
    one, other = blurred(truth, 0.5, seed=5), blurred(truth, 1, seed=6)
    there, back = paired_comparison.compare(one, other, churned), paired_comparison.compare(other, one, churned)
    for metric, gain in there.items():
        assert back[metric].better_by.value == pytest.approx(-gain.better_by.value)
        assert back[metric].better_by.low == pytest.approx(-gain.better_by.high)


def test_equal_models_differ_by_nothing() -> None:
    truth, churned = customers(500, seed=7)
    gains = paired_comparison.compare(ScoredModel(truth, POLICY), ScoredModel(truth, POLICY), churned)
    assert {(gain.better_by.low, gain.better_by.value, gain.better_by.high) for gain in gains.values()} == {(0, 0, 0)}


def test_what_groups_of_like_probability_change_is_no_gain() -> None:
    finer, coarser = RiskPolicy(threshold=0.45, medium_from=0.3, high_from=0.6), RiskPolicy(threshold=0.45)
    probability, churned = customers(4_000, seed=58)  # of 80 such this one looked surely better
    gains = paired_comparison.compare(
        ScoredModel(probability, finer), ScoredModel(probability, coarser), churned, resamples=200
    )
    assert not any(gain.is_better for gain in gains.values())


@pytest.mark.parametrize(("ours", "theirs"), [(CHEAP, DEAR), (DEAR, CHEAP), (None, DEAR), (CHEAP, None)])
def test_to_be_told_other_prices_is_no_gain(ours: Costs | None, theirs: Costs | None) -> None:
    truth, churned = customers(500, seed=7)
    challenger, champion = (ScoredModel(truth, RiskPolicy(costs=costs)) for costs in (ours, theirs))
    paired = paired_comparison.compare(challenger, champion, churned)["cost"]
    apart = paired_comparison.compare_unpaired((challenger, churned), (champion, churned))["cost"]
    assert paired.champion == paired.challenger == apart.champion == apart.challenger
    assert paired.better_by.high == 0
    assert paired.challenger > 1  # money, where one of them knows any


def test_models_that_are_equally_good_seldom_look_different() -> None:
    sure = inside = 0
    for seed in range(40):
        truth, churned = customers(800, seed=100 + seed)
        one, other = blurred(truth, 0.5, seed=200 + seed), blurred(truth, 0.5, seed=300 + seed)
        gains = paired_comparison.compare(one, other, churned, resamples=200)
        sure += any(gain.is_better for gain in gains.values())
        inside += gains["roc_auc"].better_by.low <= 0 <= gains["roc_auc"].better_by.high
    assert sure <= 5  # 1 is expected; more than 5 of 40 come by chance once in a thousand times
    assert inside >= 33  # 38 are expected


def test_paired_intervals_are_narrower_than_those_of_either_model() -> None:
    truth, churned = customers(2_000, seed=8)
    gain = paired_comparison.compare(blurred(truth, 0.2, seed=9), blurred(truth, 0.2, seed=10), churned)["roc_auc"]
    alone = quality.measured(truth, churned, POLICY)["roc_auc"]
    assert gain.better_by.deviation < alone.deviation / 2


def test_apart_the_intervals_are_as_wide_as_two_models_scatter() -> None:
    truth, churned = customers(2_000, seed=11)
    other_truth, other_churned = customers(2_000, seed=12)
    apart = paired_comparison.compare_unpaired(
        (ScoredModel(truth, POLICY), churned), (ScoredModel(other_truth, POLICY), other_churned)
    )["roc_auc"]
    alone = quality.measured(truth, churned, POLICY)["roc_auc"].deviation
    assert apart.better_by.deviation == pytest.approx(alone * 2**0.5, rel=0.25)
    assert apart.better_by.low < 0 < apart.better_by.high


def test_apart_the_truth_still_beats_a_blurred_view_of_it() -> None:
    truth, churned = customers(3_000, seed=13)
    other_truth, other_churned = customers(3_000, seed=14)
    gains = paired_comparison.compare_unpaired(
        (ScoredModel(truth, POLICY), churned), (blurred(other_truth, 2, seed=15), other_churned)
    )
    assert gains["roc_auc"].corrected_low > 0
