"""A new map is proposed where it surely saves enough, or where the check of the calibration failed."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from models.bundles import quality
from models.bundles.recalibration import Recalibration
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Vector
from monitoring.losses import decision_costs
from monitoring.losses.decision_costs import Saving
from monitoring.losses.repair import Repair

COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)


def test_a_saving_of_a_few_cents_is_no_reason_while_the_model_keeps_its_promise() -> None:
    line = Recalibration(1.0, -0.1)
    found = Repair("USD a customer", line, Saving(0.051, 0.0, 0.12, surely=0.002, uncorrected=0.051), least=0.12)
    assert (found.is_proposed, list(found.remarks), found.record["proposed"]) == (False, [], False)
    assert found.record["least_saving"] == 0.12
    fell = replace(found, calibration_fell=True)
    [said] = fell.remarks
    assert said.startswith("recalibration: log-odds - 0.10 instead of the served log-odds would save 0.002 (0.000 to")
    assert replace(found, saved=Saving(0.3, 0.08, 0.6, surely=0.13, uncorrected=0.3)).is_proposed
    assert not replace(fell, saved=Saving(0.3, -0.1, 0.6, surely=-0.01, uncorrected=0.3)).is_proposed


@pytest.mark.parametrize(("moved", "by", "is_sure"), [(0.3, 0.4, False), (1.5, 0.4, True), (1.5, 0.65, True)])
def test_the_interval_of_a_saving_is_a_quarter_wider_and_stops_at_zero_if_it_is_sure(
    moved: float, by: float, *, is_sure: bool
) -> None:
    policy = RiskPolicy(costs=COSTS).at_break_even
    groups = quality.group(np.random.default_rng(0).uniform(0.05, 0.95, 2_000), policy)
    line = Recalibration(1.0, moved)
    low, value, high = (Recalibration(1.0, moved + end).apply(groups.probability) for end in (-by, 0, by))
    stays, leaves = groups.cost - decision_costs.cost_of(line.apply(groups.probability), policy)
    by_hand = [float(np.average((1 - one) * stays + one * leaves, weights=groups.rows)) for one in (low, value, high)]
    found = decision_costs.saved(line, np.array([low, high] * 50), groups, policy)
    assert found.value == pytest.approx(by_hand[1])
    assert found.surely == pytest.approx(by_hand[0])
    assert (found.surely > 0) == is_sure
    wide = found.value - 1.249 * (by_hand[1] - by_hand[0])
    assert found.low == pytest.approx(max(wide, 0) if is_sure else wide)
    assert found.high - found.value == pytest.approx(1.249 * (by_hand[2] - by_hand[1]))


@pytest.mark.parametrize(("share", "limit"), [(0.5, 0.0), (0.5, 0.7), (0.025, 0.0)])
def test_a_saving_that_passed_a_limit_is_the_one_at_which_half_of_those_that_pass_are_higher(
    share: float, limit: float
) -> None:
    mean, deviation, normal = 3.2, 1.5, NormalDist()
    least = limit + 1.96 * deviation
    passing = normal.cdf((mean - least) / deviation)
    seen = mean - deviation * normal.inv_cdf(share * passing)  # so many of those that pass are above it
    found = Saving(seen, seen - 2, seen + 4, surely=seen - 1.96 * deviation, uncorrected=seen).if_proposed(limit)
    assert found.value < found.uncorrected == pytest.approx(seen)
    assert {0.5: found.value, 0.025: found.low}[share] == pytest.approx(mean)
    assert found.low <= found.value <= found.high == seen + 4
    assert found.if_proposed(limit) == found


def test_a_saving_that_is_sure_is_not_written_as_zero() -> None:
    barely = Saving(0.9, 0.0, 2.0, surely=0.0001, uncorrected=0.9)
    assert str(barely.if_proposed()) == "less than 0.001 (up to 2.000)"
    found = Repair("USD a customer", Recalibration(1.0, -0.1), barely, calibration_fell=True)
    assert "would save less than 0.001 (up to 2.000) USD a customer: " in next(found.remarks)
    assert str(replace(barely, value=0.001)) == "0.001 (0.000 to 2.000)"
    assert str(replace(barely, value=0.0, surely=-0.1, low=-0.1)) == "0.000 (-0.100 to 2.000)"


def test_among_savings_that_passed_the_median_is_right_and_the_mean_is_too_high_near_the_limit() -> None:
    draws = np.random.default_rng(0).normal(0.5, 1, 40_000)
    passed = [
        Saving(one, max(one - 2.45, 0), one + 2.45, surely=one - 1.96, uncorrected=one).if_proposed().value
        for one in draws[draws > 1.96].tolist()
    ]
    assert np.mean(np.array(passed) > 0.5) == pytest.approx(0.5, abs=0.03)
    assert np.mean(passed) == pytest.approx(1.05, abs=0.1)


def test_a_saving_that_only_just_passed_is_what_it_surely_saves_beyond_the_limit() -> None:
    raw = Saving(0.9, 0.1, 1.9, surely=0.05, uncorrected=0.9)
    shown = raw.if_proposed()
    assert (shown.value, shown.low, shown.high) == (0.05, 0, 1.9)
    assert raw.if_proposed(0.03).value == pytest.approx(0.02)
    assert raw.if_proposed(0.05) == raw
    assert replace(raw, surely=0.9).if_proposed().value == 0.9


def test_one_corrected_saving_is_in_the_sentence_and_in_the_record() -> None:
    found = Repair("USD", Recalibration(1.0, 0.6), Saving(1.27, 0.2, 2.6, surely=0.3, uncorrected=1.27), least=0.2)
    for limit, one in ((0.2, found), (0.0, replace(found, calibration_fell=True))):
        shown = found.saved and found.saved.if_proposed(limit)
        assert shown is not None
        assert shown.value < 1.2
        assert f"would save {shown} USD" in next(one.remarks)
        assert one.record["saved"]["value"] == shown.value
        assert one.record["saved"]["uncorrected"] == 1.27


def test_the_cost_of_a_customer_is_that_of_the_served_decisions_at_the_corrected_probabilities() -> None:
    policy = RiskPolicy(costs=COSTS).at_break_even
    probability: Vector = np.array([0.01, 0.99])
    stays, leaves = decision_costs.cost_of(probability, policy)
    exact = Recalibration(1.0, 0.0)
    by_hand = float(((1 - probability) * stays + probability * leaves).mean())
    assert decision_costs.expected(exact, probability, policy) == pytest.approx(by_hand)
    assert decision_costs.expected(Recalibration(1.0, 1.0), probability, policy) > by_hand
