"""A shift of any contract changes the named features, keeps the rules, and describes its changes."""

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from demo import shift
from models.customer import checks, declaration
from models.customer.contract import Contract
from models.customer.declaration import Features
from models.features import CONTRACT


class Tight(Features):
    """A contract whose bounds leave room on one side only, or none."""

    share: float = Field(gt=0, lt=1, examples=[0.5])
    full: float = Field(ge=0, le=10, examples=[9.0])
    steps: int = Field(ge=0, le=1, examples=[1])
    only: Literal["one"] = Field(examples=["one"])


def draw(rows: int) -> pd.DataFrame:
    """Draw subscriptions of the second contract, in the types that its columns have."""
    rng = np.random.default_rng(3)
    spend = rng.uniform(0, 9_000, rows).round(2)
    return pd.DataFrame(
        {
            "plan": rng.choice(["basic", "plus", "pro"], rows, p=[0.7, 0.25, 0.05]),
            "region": rng.choice(np.array([None, "north", "south"], dtype=object), rows, p=[0.3, 0.63, 0.07]),
            "auto_renew": rng.random(rows) < 0.8,
            "newsletter": rng.choice(np.array([None, True, False], dtype=object), rows, p=[0.5, 0.45, 0.05]),
            "seats": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(1, 100, rows)),
            "spend": spend,
            "peak_spend": np.where(rng.random(rows) < 0.1, np.nan, spend * rng.uniform(1, 2, rows)),
        }
    )


def shifted(contract: Contract, customers: pd.DataFrame, *names: str) -> tuple[pd.DataFrame, str]:
    made = shift.of(contract, customers, names)
    return made.apply(customers, np.random.default_rng(1)), made.told


def test_any_kind_of_feature_moves_and_holds_to_the_contract(second_contract: Contract) -> None:
    customers = draw(4_000)
    moved, _ = shifted(second_contract, customers, *second_contract.names)
    assert checks.find_violations(second_contract, moved) == {}
    assert moved.dtypes.equals(customers.dtypes)
    for name in ("plan", "region", "auto_renew", "newsletter"):
        assert (moved[name].astype(str) != customers[name].astype(str)).mean() > 0.3
    for name in ("seats", "spend"):
        assert abs(moved[name].mean() - customers[name].mean()) > 0.5 * customers[name].std()


def test_only_what_is_named_moves_and_it_is_said_how(second_contract: Contract) -> None:
    customers = draw(4_000)
    moved, told = shifted(second_contract, customers, "plan", "spend", "auto_renew")
    assert told == "plan 'pro' for half, spend up by 2,600 EUR, auto_renew 'false' for half"
    others = ["region", "newsletter", "seats", "peak_spend"]
    pd.testing.assert_frame_equal(moved[others], customers[others])
    assert (moved["plan"] == "pro").mean() == pytest.approx(0.525, abs=0.03)


def test_what_is_unknown_of_a_number_stays_unknown(second_contract: Contract) -> None:
    customers = draw(1_000)
    moved, _ = shifted(second_contract, customers, "seats", "peak_spend")
    assert moved["seats"].isna().equals(customers["seats"].isna())
    assert moved["peak_spend"].isna().equals(customers["peak_spend"].isna())


def test_a_number_that_would_break_a_rule_between_two_features_stays_as_it_was(second_contract: Contract) -> None:
    customers = draw(1_000)
    customers["spend"] = customers["spend"].clip(upper=5_000)
    customers["peak_spend"] = customers["spend"]
    moved, _ = shifted(second_contract, customers, "spend", "plan")
    pd.testing.assert_series_equal(moved["spend"], customers["spend"])
    assert (moved["plan"] != customers["plan"]).mean() > 0.3


def test_numbers_go_where_there_is_room_and_never_past_a_bound() -> None:
    rng, rows = np.random.default_rng(2), 1_000
    customers = pd.DataFrame(
        {
            "share": rng.uniform(0.01, 0.99, rows),
            "full": rng.uniform(8, 10, rows),
            "steps": rng.integers(0, 2, rows),
            "only": ["one"] * rows,
        }
    )
    contract = declaration.derive(Tight)
    moved, told = shifted(contract, customers, *contract.names)
    assert checks.find_violations(contract, moved) == {}
    assert (moved["full"] < customers["full"]).all()
    assert "full down by 0.5" in told
    assert (moved["only"] == "one").all()


@pytest.mark.parametrize("values", [[5.0] * 300, [float("nan")] * 300])
def test_a_column_that_says_nothing_does_no_harm(values: list[float], second_contract: Contract) -> None:
    customers = draw(300).assign(seats=values)
    moved, told = shifted(second_contract, customers, "seats")
    assert checks.find_violations(second_contract, moved) == {}
    assert told.startswith("seats ")


def test_the_shipped_customers_can_be_shifted_too() -> None:
    example: dict[str, list[Any]] = {name: [value] * 50 for name, value in CONTRACT.example.items()}
    moved, _ = shifted(CONTRACT, pd.DataFrame(example), *CONTRACT.names)
    assert checks.find_violations(CONTRACT, moved) == {}
