"""The effect of offers is measured between customers whom chance alone tells apart."""

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from models.bundles.risk import Costs, Offer, RiskTier
from models.log import log_tables, migrations
from monitoring.period import Period
from monitoring.quality import offer_report, treatment_effect
from monitoring.quality.treatment_effect import Arm, Arms
from tests import predictions

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)


def test_the_churn_rates_of_both_groups_differ_by_what_offers_did() -> None:
    arms: Arms = {("high", True): Arm(200, 160), ("high", False): Arm(1_800, 1_008, 1_800)}
    medium, high = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)

    assert (medium.reduced_churn_by, medium.verdict) == (None, "cannot tell")
    assert high.reduced_churn_by is not None
    assert astuple(high.reduced_churn_by) == pytest.approx((0.24, 0.1750, 0.2946), abs=5e-4)
    assert high.success_rate is not None
    assert astuple(high.success_rate) == pytest.approx((0.3, 0.2412, 0.3542), abs=5e-4)
    assert high.saved is not None
    assert high.saved.value == pytest.approx(0.24 * 500 - 85)
    assert high.verdict == "as assumed"
    [too_few, told] = offer_report.sentences([medium, high], COSTS)
    assert "too few outcomes, 30 customers, 5 who churned and 5 who stayed are needed in each group" in too_few
    assert "USD 35.00 (2." in told
    assert "success rate 30.0% (24.1% to 35.4%), 30% is assumed: as assumed" in told


def test_offers_that_only_some_got_have_the_same_success_rate_and_less_cost() -> None:
    arms: Arms = {("high", True): Arm(200, 160), ("high", False): Arm(1_800, 1_224, 900)}
    _, high = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    assert high.success_rate is not None
    assert high.success_rate.value == pytest.approx(0.3)
    assert high.saved is not None
    assert high.saved.value == pytest.approx(0.12 * 500 - 85 / 2)


def test_offers_that_do_nothing_are_worse_than_assumed_and_unreported_ones_cannot_be_judged() -> None:
    arms: Arms = {("high", True): Arm(2_000, 1_600), ("high", False): Arm(2_000, 1_600, 2_000)}
    assert treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)[1].verdict == "worse than assumed"
    silent: Arms = {("high", True): Arm(2_000, 1_600), ("high", False): Arm(2_000, 1_500)}
    _, high = treatment_effect.of_tiers(silent, COSTS, false_alarm_rate=0.01)
    assert (high.success_rate, high.verdict) == (None, "cannot tell")
    assert high.saved is None
    [told] = offer_report.sentences([high], COSTS)
    assert told.endswith("no offers are reported, so there is no success rate")
    assert "saved" not in told


@pytest.mark.parametrize(
    ("free_offers", "held_out_offers", "problem"),
    [
        (40, 0, "for 1.0% of those who may get it, and for 0.0% of those held out, too few for this effect"),
        (400, 60, "for 10.0% of those who may get it, and for 15.0% of those held out, who should get none"),
        (400, 40, "for 10.0% of those who may get it, and for 10.0% of those held out, who should get none"),
    ],
)
def test_where_the_reported_offers_cannot_be_all_there_is_no_success_rate_and_no_saving(
    free_offers: int, held_out_offers: int, problem: str
) -> None:
    arms: Arms = {("high", True): Arm(400, 190, held_out_offers), ("high", False): Arm(4_000, 1_600, free_offers)}
    _, high = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    assert (high.success_rate, high.saved, high.verdict) == (None, None, "cannot tell")
    [told] = offer_report.sentences([high], COSTS)
    assert "churn lower by 7.5 percentage points (2." in told
    assert f"; offers are reported {problem}" in told
    assert told.endswith(", so there is no success rate")


def test_no_success_rate_is_shown_above_one() -> None:
    arms: Arms = {("high", True): Arm(400, 190), ("high", False): Arm(4_000, 1_600, 720)}
    _, high = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    assert high.success_rate is not None
    assert astuple(high.success_rate) == pytest.approx((0.8772, 0.3343, 1), abs=5e-4)


def test_where_all_churn_there_is_no_effect_and_no_verdict() -> None:
    arms: Arms = {("high", True): Arm(30, 30), ("high", False): Arm(30, 30, 30)}
    _, high = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    assert (high.reduced_churn_by, high.success_rate, high.verdict) == (None, None, "cannot tell")


def test_a_wide_interval_around_the_assumed_rate_tells_nothing() -> None:
    arms: Arms = {("medium", True): Arm(100, 40), ("medium", False): Arm(1_000, 360, 1_000)}
    medium, _ = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    assert medium.success_rate is not None
    assert medium.success_rate.low < 0.1 == pytest.approx(medium.success_rate.value)
    assert medium.verdict == "cannot tell"


@pytest.mark.parametrize(("others", "is_told"), [(45, True), (46, False)])
def test_offers_of_other_tiers_are_not_those_of_the_tier(others: int, *, is_told: bool) -> None:
    arms: Arms = {("high", True): Arm(200, 160), ("high", False): Arm(1_800, 1_224, 900, others)}
    _, high = treatment_effect.of_tiers(arms, COSTS, false_alarm_rate=0.01)
    assert (high.success_rate is not None, high.saved is not None) == (is_told, is_told)
    [told] = offer_report.sentences([high], COSTS)
    problem = "; offers of other tiers for 2.6%, and for 0.0% of those held out, so there is no success rate"
    assert told.endswith(problem) != is_told


def test_a_year_of_daily_looks_seldom_finds_that_right_success_rates_are_wrong() -> None:
    rng, years, days, window = np.random.default_rng(0), 30, 395, 30
    tiers: tuple[tuple[RiskTier, float, int, int, float], ...] = (
        ("medium", 0.1, 100, 11, 0.5),
        ("high", 0.3, 50, 6, 0.8),
    )
    sums = np.lib.stride_tricks.sliding_window_view
    advised = 0
    for _ in range(years):
        arms: list[Arms] = [{} for _ in range(days - window)]
        for tier, success, free, held_out, rate in tiers:
            for rows, is_held_out, churn in ((free, False, rate * (1 - success)), (held_out, True, rate)):
                churned = sums(rng.binomial(rows, churn, days - 1), window).sum(axis=1)
                for day, found in enumerate(churned.tolist()):
                    arm = Arm(rows * window, found, 0 if is_held_out else rows * window)
                    arms[day] = {**arms[day], (tier, is_held_out): arm}
        looks = (treatment_effect.of_tiers(one, COSTS, false_alarm_rate=0.5 / 365) for one in arms)
        advised += sum(offer_report.advice(effects, COSTS) is not None for effects in looks)
    assert advised < 2 * 0.5 * years  # looks, of 10,950; a verdict by the 95 % interval would be given in 1,100


def test_without_a_holdout_there_is_no_effect() -> None:
    assert treatment_effect.of_tiers({("high", False): Arm(2_000, 1_500, 1_000)}, COSTS, false_alarm_rate=0.01) == ()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log.db'}"
    return str(request.getfixturevalue("postgres_url"))


def test_customers_with_a_draw_and_an_outcome_are_counted_once(url: str) -> None:
    engine = log_tables.connect(url, create=True)
    migrations.upgrade(engine)
    ids = predictions.add(engine, MADE_AT, rows=8)
    table, treated = log_tables.PREDICTIONS, log_tables.TREATMENTS
    seen = {"churned": True, "observed_at": MADE_AT, "recorded_at": MADE_AT, "reported_by": "crm"}
    given = {"given_at": MADE_AT, "recorded_at": MADE_AT, "reported_by": "crm"}
    with engine.begin() as connection:
        digests = {1: "b" * 32, 5: "a" * 32, 6: "a" * 32}
        for at, identity in enumerate(ids[:7]):  # the last one has no draw
            values = {"held_out": at < 3, "risk_tier": "high", "customer_digest": digests.get(at)}
            connection.execute(sa.update(table).where(table.c.prediction_id == identity).values(values))
        rows = [{"prediction_id": one} | seen | {"churned": one != ids[3]} for one in (*ids[:2], *ids[3:])]
        connection.execute(sa.insert(log_tables.OUTCOMES), rows)
        connection.execute(sa.update(table).where(table.c.prediction_id == ids[7]).values(customer_digest="b" * 32))
        late = {"given_at": MADE_AT + timedelta(seconds=1)}  # after the outcome
        offers: list[tuple[int, str, dict[str, datetime]]] = [
            (0, "high", {}),
            (3, "medium", {}),
            (5, "none", {}),
            (6, "high", {}),
            (7, "high", late),
        ]
        connection.execute(
            sa.insert(treated), [{"prediction_id": ids[at], "offer": one} | given | when for at, one, when in offers]
        )
        version = connection.scalar(sa.select(table.c.model_version))
        period = Period(MADE_AT - timedelta(days=1), MADE_AT + timedelta(days=1))
        arms = treatment_effect.read(connection, period, model_version=str(version), trusted=None)
    engine.dispose()
    assert arms == {("high", True): Arm(2, 2, 1), ("high", False): Arm(3, 2, 1, 1)}
