"""The bounds have the lowest cost by the costs file, and costs are those of a calculation by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundles import recalibration
from models.bundles.recalibration import Recalibration
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Vector
from training.errors import CostsInvalid, SettingsError
from training.learning import cost_policy

COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)
BOUNDS = np.arange(1, 200) / 200
VALID = """
value_of_kept_customer = 500
medium = { contact_cost = 15, success_rate = 0.1 }
high = { contact_cost = 85, success_rate = 0.3 }
"""


def spent(costs: Costs, probability: Vector, churned: Labels, policy: RiskPolicy) -> float:
    """Add up what every customer costs, one by one."""
    return sum(
        costs.of(policy.tier(one))[happened] for one, happened in zip(probability.tolist(), churned, strict=True)
    )


def least(costs: Costs, probability: Vector, churned: Labels) -> float:
    """Try every pair of bounds that ascend."""
    of_low, of_medium, of_high = (np.array(costs.of(tier))[churned] for tier in ("low", "medium", "high"))
    reached = probability >= BOUNDS[:, np.newaxis]
    by_medium, by_high = reached @ (of_medium - of_low), reached @ (of_high - of_medium)
    both = by_medium[:, np.newaxis] + by_high
    return float(of_low.sum() + both[np.triu_indices(len(BOUNDS), k=1)].min())


def exact(rows_of_each: int = 1_000) -> tuple[Vector, Labels]:
    """Customers at the middle of every interval of the grid, of whom just as many churn as is said."""
    probability = np.repeat((np.arange(200) + 0.5) / 200, rows_of_each)
    churned = np.tile(np.arange(rows_of_each), 200) < (probability * rows_of_each).round()
    return probability, churned.astype(np.int64)


def drawn(rows: int, seed: int = 0) -> tuple[Vector, Labels]:
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.8, 1.2, rows)
    return probability, (rng.random(rows) < probability).astype(np.int64)


def test_the_shipped_costs_are_valid_and_have_customers_for_each_offer(root: Path) -> None:
    costs = cost_policy.read(root / "training" / "costs.toml")
    assert costs == COSTS
    assert costs.break_even == (0.3, 0.7)


def test_a_currency_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "costs.toml"
    path.write_text('currency = "€"' + VALID, encoding="utf-8")
    assert cost_policy.read(path) == COSTS.model_copy(update={"currency": "€"})


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("value_of_kept_customer = ", "Invalid value"),
        (VALID.replace("= 500", "= 0"), "value_of_kept_customer: Input should be greater than 0"),
        (VALID.replace("= 500", '= "much"'), "value_of_kept_customer: Input should be a valid number"),
        (VALID.replace("= 0.3", "= 1.3"), r"high\.success_rate: Input should be less than or equal to 1"),
        (VALID.replace("medium = ", "middle = "), "medium: Field required"),
        (VALID + "low = 3", "low: Extra inputs are not permitted"),
        (VALID.replace("{ contact_cost = 15", "{ price = 2, contact_cost = 15"), r"medium\.price: Extra inputs"),
        (VALID.replace("= 85", "= 14"), "Make the high offer more expensive and more successful"),
        (VALID.replace("= 0.3", "= 0.1"), "Make the high offer more expensive and more successful"),
        (VALID.replace("= 500", "= 100"), "value_of_kept_customer higher"),
    ],
    ids=lambda text: "" if "\n" in text else text,
)
def test_a_file_that_holds_no_costs_is_named_with_the_field(tmp_path: Path, written: str, problem: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(written)
    with pytest.raises(
        CostsInvalid, match=rf"mine\.toml: .*{problem}.*See training/costs\.toml for an example"
    ) as caught:
        cost_policy.read(path)
    assert caught.value.path == path
    assert isinstance(caught.value, SettingsError)


@pytest.mark.parametrize(
    ("name", "problem"), [("absent.toml", "No such file"), (".", "Is a directory"), ("latin.toml", "utf-8")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "latin.toml").write_bytes('currency = "£"'.encode("latin-1"))
    with pytest.raises(CostsInvalid, match=problem) as caught:
        cost_policy.read(tmp_path / name)
    assert caught.value.path == tmp_path / name


@given(
    rows=st.integers(20, 400),
    seed=st.integers(0, 10_000),
    bend=st.sampled_from([0.3, 1, 3]),
    steps=st.sampled_from([10, 200, 10**9]),
)
def test_no_pair_of_bounds_costs_less_than_the_chosen_one(rows: int, seed: int, bend: float, steps: int) -> None:
    rng = np.random.default_rng(seed)
    probability = (rng.random(rows) * steps).round() / steps
    churned = (rng.random(rows) < probability**bend).astype(np.int64)
    chosen = cost_policy.search(COSTS, probability, churned)
    assert spent(COSTS, probability, churned, chosen) == pytest.approx(least(COSTS, probability, churned))


def test_no_pair_of_bounds_costs_less_even_where_both_offers_should_begin_at_one() -> None:
    # From 0.5 on nearly everybody leaves, just below hardly enough for the medium offer.
    probability = np.repeat([0.1, 0.4975, 0.5025, 0.9], 100)
    churned = np.concatenate([np.arange(100) < leave for leave in (5, 28, 95, 95)]).astype(np.int64)
    chosen = cost_policy.search(COSTS, probability, churned)
    assert spent(COSTS, probability, churned, chosen) == pytest.approx(least(COSTS, probability, churned))


@pytest.mark.parametrize(
    "costs",
    [
        COSTS,
        COSTS.model_copy(update={"medium": Offer(contact_cost=5, success_rate=0.1)}),
        COSTS.model_copy(update={"high": Offer(contact_cost=65, success_rate=0.3)}),
    ],
    ids=lambda costs: f"{costs.break_even[0]:g} and {costs.break_even[1]:g}",
)
def test_where_probabilities_are_exact_the_bounds_break_even(costs: Costs) -> None:
    chosen = cost_policy.search(costs, *exact())
    assert (chosen.medium_from, chosen.high_from) == pytest.approx(costs.break_even)


@pytest.mark.parametrize("rows", [500, 4_000])
def test_where_the_model_is_calibrated_the_bounds_are_the_break_even_of_the_prices(rows: int) -> None:
    probability, churned = drawn(rows)
    chosen = cost_policy.choose(COSTS, probability, churned)
    assert (chosen.threshold, chosen.medium_from, chosen.high_from, chosen.costs) == (0.3, 0.3, 0.7, COSTS)
    assert cost_policy.describe(COSTS, probability, churned, test=(churned, {}), seed=1).bounds_from == "prices"


def test_where_it_is_not_the_bounds_are_those_that_cost_least() -> None:
    probability, churned = drawn(4_000)
    chosen = cost_policy.choose(COSTS, probability / 2, churned)
    assert chosen == cost_policy.search(COSTS, probability / 2, churned)
    assert chosen.medium_from < 0.25
    assert cost_policy.describe(COSTS, probability / 2, churned, test=(churned, {}), seed=1).bounds_from == "folds"


def test_among_very_many_rows_an_error_that_is_no_matter_is_calibrated() -> None:
    probability, churned = exact()
    line = Recalibration(slope=1, intercept=0.02)  # moves a probability by at most half a point
    assert not recalibration.fit(line.apply(probability), churned).may_be_calibrated
    assert cost_policy.is_calibrated(line.apply(probability), churned)
    assert not cost_policy.is_calibrated(Recalibration(slope=1, intercept=0.2).apply(probability), churned)


def test_rows_of_one_customer_prove_less() -> None:
    probability, churned = drawn(300)
    bent = Recalibration(slope=1, intercept=0.25).apply(probability)
    tenfold = np.repeat(bent, 10), np.repeat(churned, 10)
    assert not cost_policy.is_calibrated(*tenfold)
    assert cost_policy.is_calibrated(*tenfold, np.repeat(np.arange(300), 10))


def test_a_probability_at_a_bound_is_above_it() -> None:
    probability = np.repeat([0.1, 0.3, 0.305, 0.9], 100)
    churned = np.concatenate([np.arange(100) < leave for leave in (5, 29, 31, 95)]).astype(np.int64)
    chosen = cost_policy.search(COSTS, probability, churned)
    assert chosen.medium_from == 0.305
    assert chosen.high_from <= 0.9


def test_where_too_many_churn_for_what_is_said_the_bounds_lie_lower() -> None:
    probability, churned = exact()
    chosen = cost_policy.search(COSTS, probability / 2, churned)
    assert (chosen.medium_from, chosen.high_from) == pytest.approx((0.15, 0.35))


def test_the_policy_decides_at_the_medium_bound_and_carries_the_costs() -> None:
    chosen = cost_policy.search(COSTS, *drawn(2_000))
    assert chosen.threshold == chosen.medium_from
    assert chosen.costs == COSTS


@pytest.mark.parametrize("happens", [0, 1])
def test_where_all_customers_do_the_same_all_are_treated_alike(happens: int) -> None:
    probability = np.linspace(0.01, 0.99, 99)
    chosen = cost_policy.search(COSTS, probability, np.full(99, happens))
    assert {chosen.tier(one) for one in probability.tolist()[1:-1]} == {"high" if happens else "low"}


def test_intervals_hold_the_chosen_bounds_and_narrow_with_more_customers() -> None:
    widths = []
    for rows in (1_000, 30_000):
        probability, churned = drawn(rows)
        chosen = cost_policy.search(COSTS, probability, churned)
        found = cost_policy.describe(COSTS, probability, churned, test=(churned, {}), seed=1).bounds
        for name, bound in (("medium_from", chosen.medium_from), ("high_from", chosen.high_from)):
            assert 0 < found[name].low <= bound <= found[name].high < 1  # type: ignore[index]  # one of two literals
        assert found["medium_from"].low < 0.3 < found["medium_from"].high
        assert found["high_from"].low < 0.7 < found["high_from"].high
        widths.append([interval.high - interval.low for interval in found.values()])
    assert (np.array(widths[1]) < np.array(widths[0])).all()


def test_intervals_are_as_wide_as_bounds_scatter() -> None:
    scattered = [cost_policy.search(COSTS, *drawn(2_000, seed)).medium_from for seed in range(300)]
    widths = []
    for seed in range(5):
        probability, churned = drawn(2_000, seed)
        found = cost_policy.describe(COSTS, probability, churned, test=(churned, {}), seed=1)
        widths.append(found.bounds["medium_from"].high - found.bounds["medium_from"].low)
    low, high = np.quantile(scattered, [0.025, 0.975])
    assert np.mean(widths) == pytest.approx(high - low, rel=0.35)


def test_repeated_rows_have_the_intervals_of_the_rows_once() -> None:
    probability, churned = drawn(8_000)
    ours = cost_policy.search(COSTS, probability, churned)
    of_row = np.repeat(np.arange(8_000), 5)

    def widths(rows: np.ndarray, customers: np.ndarray | None) -> list[float]:
        models = {"this model": (probability[rows], ours)}
        found = cost_policy.describe(
            COSTS,
            probability[rows],
            churned[rows],
            test=(churned[rows], models),
            seed=1,
            customers=(customers, customers),
        )
        bounds = [interval.high - interval.low for interval in found.bounds.values()]
        return bounds + [figure.high - figure.low for figure in (*found.cost.values(), *found.saved.values())]

    once, repeated = widths(np.arange(8_000), None), widths(of_row, of_row)
    alone = widths(of_row, None)
    assert repeated[:2] == pytest.approx(once[:2], rel=0.4)  # few bounds are drawn, in steps of 0.005
    assert (np.array(alone[:2]) < np.array(once[:2]) / 2).all()
    assert repeated[2:] == pytest.approx(once[2:], rel=1e-3)
    assert alone[2:] == pytest.approx(np.array(once[2:]) / np.sqrt(5), rel=1e-3)


def test_equal_seeds_give_equal_intervals() -> None:
    probability, churned = drawn(500)
    first, again, other = (
        cost_policy.describe(COSTS, probability, churned, test=(churned, {}), seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.bounds != other.bounds


def test_everybody_who_decides_is_charged_for_the_test_set() -> None:
    probability = np.repeat([0.1, 0.5, 0.9], [50, 30, 20])
    churned = np.concatenate([np.arange(50) < 5, np.arange(30) < 15, np.arange(20) < 18]).astype(np.int64)
    ours = RiskPolicy(threshold=0.3, medium_from=0.3, high_from=0.7, costs=COSTS)
    simple = RiskPolicy(threshold=0.6, medium_from=0.6, high_from=0.95, costs=COSTS)
    models = {"this model": (probability, ours), "simpler": (probability, simple)}
    cost = cost_policy.describe(COSTS, *drawn(500), test=(churned, models), seed=1).cost
    # 38 of 100 leave; at 500 each, or 450 with the medium offer for 15, or 350 with the high one for 85.
    by_hand = {
        "this model": (5 * 500 + 30 * 15 + 15 * 450 + 20 * 85 + 18 * 350) / 100,
        "simpler": (20 * 500 + 20 * 15 + 18 * 450) / 100,
        cost_policy.NOBODY: 38 * 500 / 100,
        cost_policy.MEDIUM: 15 + 38 * 450 / 100,
        cost_policy.HIGH: 85 + 38 * 350 / 100,
    }
    assert {name: figure.value for name, figure in cost.items()} == pytest.approx(by_hand)
    assert all(figure.low < figure.value < figure.high for figure in cost.values())


def test_a_customer_saves_what_the_offer_keeps_less_what_it_costs() -> None:
    policy = RiskPolicy(threshold=0.3, medium_from=0.3, high_from=0.7, costs=COSTS)
    probability, churned = np.array([0.1, 0.1, 0.5, 0.5, 0.7, 0.9]), np.array([0, 1, 0, 1, 0, 1])
    np.testing.assert_allclose(
        cost_policy.saving_per_customer(probability, churned, policy), [-15, 35, -15, 35, -85, 65]
    )  # 0.1 too: what it would save


def test_what_the_chosen_tiers_save_is_what_they_cost_less_than_nobody() -> None:
    probability, churned = drawn(2_000)
    policy = cost_policy.search(COSTS, probability, churned)
    contacted = probability >= policy.medium_from
    saved = cost_policy.saving_per_customer(probability, churned, policy)[contacted].sum()
    assert saved == pytest.approx(500 * churned.sum() - spent(COSTS, probability, churned, policy))
    assert saved > 0


def test_nothing_is_saved_where_nothing_costs() -> None:
    with pytest.raises(ValueError, match="the policy has no costs"):
        cost_policy.saving_per_customer(np.array([0.1]), np.array([1]), RiskPolicy())


def test_what_this_model_saves_is_of_the_same_customers() -> None:
    costs = cost_policy.read(Path(__file__).parents[3] / "training" / "costs.toml")
    policy = RiskPolicy(threshold=0.3, medium_from=0.3, high_from=0.7, costs=costs)
    happened = np.tile([0, 1], 200)
    ours, other = np.where(happened, 0.8, 0.1), np.full(400, 0.1)
    found = cost_policy.describe(
        costs, ours, happened, test=(happened, {"ours": (ours, policy), "other": (other, policy)}), seed=1
    )
    assert found.cost["ours"].value == pytest.approx((85 + 0.7 * 500) / 2)
    assert found.cost["other"].value == pytest.approx(500 / 2)
    assert found.saved["other"].value == pytest.approx((0.3 * 500 - 85) / 2)
    assert found.saved["other"].low > 0
    assert "ours" not in found.saved
