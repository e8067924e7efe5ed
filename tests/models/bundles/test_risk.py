"""Bounds belong to the tier above them and must ascend; costs give the bounds from which each tier costs least."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.bundles.risk import Costs, Offer, RiskPolicy, RiskTier

MESSAGE, CALL = Offer(contact_cost=15, success_rate=0.1), Offer(contact_cost=85, success_rate=0.3)
COSTS = Costs(value_of_kept_customer=500, medium=MESSAGE, high=CALL)
TIERS: tuple[RiskTier, ...] = ("low", "medium", "high")


def expected_cost(costs: Costs, tier: RiskTier, probability: float) -> float:
    stays, leaves = costs.of(tier)
    return (1 - probability) * stays + probability * leaves


@st.composite
def any_costs(draw: st.DrawFn) -> Costs:
    """Costs whose break-even probabilities ascend: made backwards from them."""
    medium_from = draw(st.floats(0.01, 0.9))
    high_from = draw(st.floats(medium_from + 0.01, 0.98))
    value, rate, better = draw(st.floats(1, 1e6)), draw(st.floats(0.01, 0.5)), draw(st.floats(0.01, 0.5))
    medium = Offer(contact_cost=medium_from * rate * value, success_rate=rate)
    dearer = high_from * better * value
    high = Offer(contact_cost=medium.contact_cost + dearer, success_rate=rate + better)
    return Costs(value_of_kept_customer=value, medium=medium, high=high)


def test_every_probability_has_one_tier() -> None:
    policy = RiskPolicy(threshold=0.3, medium_from=0.2, high_from=0.6)
    tiers = [policy.tier(probability) for probability in (0.0, 0.199, 0.2, 0.599, 0.6, 1.0)]
    assert tiers == ["low", "low", "medium", "medium", "high", "high"]


def test_the_threshold_itself_counts_as_churn() -> None:
    policy = RiskPolicy(threshold=0.3)
    assert [policy.churns(probability) for probability in (0.29, 0.3, 0.31)] == [False, True, True]


def test_bounds_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValidationError, match="must lie below"):
        RiskPolicy(medium_from=0.7, high_from=0.7)


@pytest.mark.parametrize("bound", [0.0, 1.0, -0.1])
def test_a_bound_that_makes_a_tier_empty_is_refused(bound: float) -> None:
    with pytest.raises(ValidationError):
        RiskPolicy(medium_from=bound)


def test_an_offer_breaks_even_where_it_saves_what_it_costs() -> None:
    # 15 for a tenth of 500, and 70 more for another fifth of 500.
    assert COSTS.break_even == (0.3, 0.7)


def test_a_tier_costs_its_offer_and_the_customers_that_it_does_not_keep() -> None:
    assert {tier: COSTS.of(tier) for tier in TIERS} == {"low": (0, 500), "medium": (15, 465), "high": (85, 435)}


@pytest.mark.parametrize(
    ("medium", "high", "numbers"),
    [
        (Offer(contact_cost=40, success_rate=0.1), CALL, "from a probability of 0.8, .* from 0.45;"),
        (MESSAGE, Offer(contact_cost=115, success_rate=0.3), "from a probability of 0.3, .* from 1;"),
        (MESSAGE, Offer(contact_cost=10, success_rate=0.3), "from a probability of 0.3, .* from -0.05;"),
    ],
    ids=["medium never pays", "high never pays", "high is cheaper"],
)
def test_an_offer_without_customers_is_refused_with_the_remedy(medium: Offer, high: Offer, numbers: str) -> None:
    with pytest.raises(ValidationError, match=f"{numbers}.* Make the high offer more expensive and more successful"):
        Costs(value_of_kept_customer=500, medium=medium, high=high)


@pytest.mark.parametrize(("cost", "rate"), [(85, 0.1), (85, 0.05), (5, 0.06)], ids=["as many", "fewer", "cheaper"])
def test_a_high_offer_that_keeps_no_more_customers_is_refused(cost: float, rate: float) -> None:
    with pytest.raises(ValidationError, match=r"from a probability of 0\.3, .* Make the high offer .* more successful"):
        Costs(value_of_kept_customer=500, medium=MESSAGE, high=Offer(contact_cost=cost, success_rate=rate))


@pytest.mark.parametrize(
    "wrong",
    [
        {"value_of_kept_customer": 0},
        {"medium": {"contact_cost": 0, "success_rate": 0.1}},
        {"medium": {"contact_cost": 15, "success_rate": 0}},
        {"high": {"contact_cost": 85, "success_rate": 1.01}},
        {"currency": ""},
        {"currency": "US dollars"},
        {"low": {"contact_cost": 1, "success_rate": 0.1}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_costs_that_cannot_be_are_refused_by_field(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Costs.model_validate(COSTS.model_dump() | wrong)
    assert [problem["loc"][0] for problem in caught.value.errors()] == list(wrong)


def test_a_policy_charges_what_a_customer_of_each_tier_costs() -> None:
    policy = RiskPolicy(threshold=0.5, medium_from=0.3, high_from=0.7, costs=COSTS)
    charged = [policy.cost(probability) for probability in (0.29, 0.3, 0.69, 0.7)]
    assert charged == [COSTS.of("low"), COSTS.of("medium"), COSTS.of("medium"), COSTS.of("high")]


def test_without_costs_errors_weigh_as_the_threshold_implies() -> None:
    policy = RiskPolicy(threshold=0.2)
    assert [policy.cost(probability) for probability in (0.19, 0.2)] == [(0, 0.8), (0.2, 0)]


@given(threshold=st.floats(0.01, 0.99), probability=st.floats(0, 1))
def test_without_costs_no_other_decision_is_cheaper_than_that_of_the_threshold(
    threshold: float, probability: float
) -> None:
    stays, leaves = RiskPolicy(threshold=threshold).cost(probability)
    decided = (1 - probability) * stays + probability * leaves
    assert decided <= min((1 - probability) * threshold, probability * (1 - threshold)) + 1e-12


@given(costs=any_costs(), probability=st.floats(0, 1))
def test_no_tier_is_cheaper_than_that_of_the_break_even_bounds(costs: Costs, probability: float) -> None:
    medium, high = costs.break_even
    tier = RiskPolicy(threshold=medium, medium_from=medium, high_from=high, costs=costs).tier(probability)
    cheapest = min(expected_cost(costs, other, probability) for other in TIERS)
    assert expected_cost(costs, tier, probability) <= cheapest + 1e-9 * costs.value_of_kept_customer


@given(costs=any_costs())
def test_at_a_break_even_bound_both_tiers_cost_the_same(costs: Costs) -> None:
    for bound, below, above in zip(costs.break_even, TIERS, TIERS[1:], strict=False):
        difference = expected_cost(costs, below, bound) - expected_cost(costs, above, bound)
        assert difference == pytest.approx(0, abs=1e-9 * costs.value_of_kept_customer)
