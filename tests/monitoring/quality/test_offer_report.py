"""The costs file is told the success rates that happened, where they surely differ from its own."""

import pytest

from models.bundles.risk import Costs, Offer
from monitoring.quality import offer_report, treatment_effect
from monitoring.quality.treatment_effect import Arm, Arms

COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)
HIGH_TOO = "success_rate = 0.5 (95 % interval 0.468 to 0.530) under [high] instead of 0.3, and fit again with --costs"
HIGH_ALONE = (
    "set success_rate = 0.4 (95 % interval 0.365 to 0.433) under [high] instead of 0.3, and fit again with --costs"
)
HELD_OUT = Arm(4_000, 2_000)


def told(medium_churned: int, high_churned: int) -> tuple[str | None, list[float | None]]:
    """Return the advice and the rates to set, where half of the held-out customers of each tier churned."""
    arms: Arms = {
        ("medium", True): HELD_OUT,
        ("high", True): HELD_OUT,
        ("medium", False): Arm(4_000, medium_churned, 4_000),
        ("high", False): Arm(4_000, high_churned, 4_000),
    }
    effects = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    found = offer_report.advice(effects, COSTS)
    assert offer_report.sentences(effects, COSTS)[2:] == ([found] if found else [])
    return found, [one["success_rate_to_set"] for one in offer_report.records(effects, COSTS)]


@pytest.mark.parametrize(
    ("medium_churned", "high_churned", "advice", "rates"),
    [
        (1_800, 1_400, None, [None, None]),
        (1_800, 1_200, HIGH_ALONE, [None, 0.4]),
        (
            1_640,
            1_000,
            "set success_rate = 0.18 (95 % interval 0.139 to 0.219) under [medium] instead of 0.1 and " + HIGH_TOO,
            [0.18, 0.5],
        ),
        (2_010, 1_400, "nothing shows that the medium offer keeps anybody: make none, or another one", [None, None]),
    ],
)
def test_the_costs_file_is_told_the_rate_that_happened_and_its_key(
    medium_churned: int, high_churned: int, advice: str | None, rates: list[float | None]
) -> None:
    assert told(medium_churned, high_churned) == (advice and f"costs file: if all offers are reported, {advice}", rates)


@pytest.mark.parametrize(
    ("high_churned", "rate", "interval", "problem"),
    [
        (
            1_577,
            0.21,
            "0.172 to 0.249",
            "high offer no longer pays beside the medium one: make it cheaper, or another one",
        ),
        (1_990, 0.005, "-0.040 to 0.048", "high offer keeps no more than the medium one: make another one"),
        (
            400,
            0.8,
            "0.779 to 0.819",
            "medium offer no longer pays beside the high one: make it cheaper, or another one",
        ),
    ],
)
def test_it_is_said_what_to_do_where_an_offer_would_no_longer_pay(
    high_churned: int, rate: float, interval: str, problem: str
) -> None:
    found, rates = told(1_800, high_churned)
    assert rates == [None, rate]
    key = f"set success_rate = {rate:g} (95 % interval {interval}) under [high] instead of 0.3"
    assert found == f"costs file: if all offers are reported, {key}; then the {problem}, and fit again with --costs"


def test_an_offer_with_which_more_customers_churn_is_said_to_raise_the_churn() -> None:
    arms: Arms = {("high", True): HELD_OUT, ("high", False): Arm(4_000, 2_400, 3_000)}
    effects = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    [_, high, advice] = offer_report.sentences(effects, COSTS)
    assert "held out: churn higher by 10.0 percentage points (7.8 to 12.2)" in high
    assert "; offers are reported for 75.0% of those who may get it; success rate -26.7%" in high
    assert advice.endswith("nothing shows that the high offer keeps anybody: make none, or another one")
