"""The intervals of a trial: by how much a model is better, and how sure that is at every look."""

import numpy as np
import pytest

from models.bundles import quality
from models.bundles.risk import Costs, Offer, RiskPolicy
from training.promotion import paired_comparison
from training.promotion.live import confidence_sequence, live_gains, metric_differences
from training.promotion.paired_comparison import ScoredModel

ROWS = 4_000
COSTS = Costs(
    currency="USD",
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)
POLICY = RiskPolicy(threshold=0.4, medium_from=0.3, high_from=0.7, costs=COSTS)


def models(*noises: float, seed: int = 1) -> tuple[list[ScoredModel], np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.normal(-1, 1.5, ROWS)
    said = [1 / (1 + np.exp(-score - noise * rng.normal(size=ROWS))) for noise in noises]
    churned = (rng.random(ROWS) < 1 / (1 + np.exp(-score))).astype(np.int64)
    return [ScoredModel(one, POLICY) for one in said], churned


def test_the_figures_are_those_of_the_gate_and_their_deviation_is_the_bootstraps() -> None:
    (challenger, champion), churned = models(0.2, 0.8)
    found = metric_differences.paired(challenger, champion, churned)
    expected = paired_comparison.compare(challenger, champion, churned)
    for metric, gain in expected.items():
        assert found[metric].champion == pytest.approx(gain.champion, abs=1e-9)
        assert found[metric].challenger == pytest.approx(gain.challenger, abs=1e-9)
        assert found[metric].better_by == pytest.approx(gain.better_by.value, abs=1e-9)
        assert found[metric].deviation / ROWS**0.5 == pytest.approx(gain.better_by.deviation, rel=0.1)


def test_separate_customers_give_the_figures_of_each_model_and_a_larger_deviation() -> None:
    (challenger, champion), churned = models(0.2, 0.8)
    half = [
        ScoredModel(model.probability[part], POLICY)
        for model, part in ((challenger, slice(0, 1_500)), (champion, slice(1_500, None)))
    ]
    found = metric_differences.unpaired((half[0], churned[:1_500]), (half[1], churned[1_500:]))
    expected = paired_comparison.compare_unpaired((half[0], churned[:1_500]), (half[1], churned[1_500:]))
    for metric, gain in expected.items():
        assert found[metric].better_by == pytest.approx(gain.better_by.value, abs=1e-9)
        assert found[metric].deviation / ROWS**0.5 == pytest.approx(gain.better_by.deviation, rel=0.1)


def test_ties_of_probabilities_count_half() -> None:
    (model, _), churned = models(0.2, 0.8)
    coarse = ScoredModel(model.probability.round(1), POLICY)
    found = metric_differences.paired(coarse, model, churned)
    assert found["roc_auc"].challenger == pytest.approx(quality.exact(coarse.probability, churned, POLICY)["roc_auc"])


def test_an_interval_is_narrowest_at_its_horizon_and_wider_than_one_for_one_look() -> None:
    widths = {
        rows: confidence_sequence.half_width(5_000, 1, level=0.05, horizon_rows=rows)
        for rows in (1_000, 4_000, 5_000, 6_000, 25_000)
    }
    assert min(widths, key=lambda rows: widths[rows]) == 5_000
    assert widths[5_000] * 5_000**0.5 == pytest.approx(3.03, abs=0.01)  # instead of 1.96
    assert max(widths.values()) < 1.25 * widths[5_000]


def test_a_few_customers_with_another_offer_are_no_basis_for_an_interval_of_the_cost() -> None:
    """A model that withholds offers is cheaper until the first customer without one leaves."""
    (champion, _), churned = models(0.2, 0.8)
    stingy = champion.probability.copy()
    spared = np.flatnonzero((champion.probability >= 0.3) & (champion.probability < 0.7) & (churned == 0))[:100]
    stingy[spared] = 0.29
    found = metric_differences.paired(ScoredModel(stingy, POLICY), champion, churned)["cost"]
    assert found.better_by == pytest.approx(15 * 100 / ROWS)
    assert found.doubt == "only 0 customers who churned cost more or less; it counts from 20 on"
    [gain] = live_gains.judge({"cost": found}, horizon_rows=5_000).values()
    assert gain.corrected[0] > 0
    assert not gain.is_better


def test_equal_models_are_not_told_apart_and_a_better_one_is() -> None:
    (challenger, champion), churned = models(0.1, 1.0)
    for one, other, better in (
        (challenger, champion, True),
        (champion, challenger, False),
        (champion, champion, False),
    ):
        gains = live_gains.judge(metric_differences.paired(one, other, churned), horizon_rows=5_000)
        assert live_gains.is_better(gains) is better
