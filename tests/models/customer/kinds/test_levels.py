"""What an error says about a category with many levels."""

from typing import Any

import pytest

from models.customer.kinds.levels import MOST, Levels

CITIES = tuple(f"{city} {number}" for number in range(400) for city in ("North", "Old", "Port"))


@pytest.mark.parametrize(
    ("wrong", "first"), [("Prot 17", "Port 17"), ("north 17", "North 17"), (" Old 399 ", "Old 399"), ("Old", "Old 0")]
)
def test_the_nearest_text_comes_first_with_nine_others_and_the_number_of_all(wrong: str, first: str) -> None:
    said = Levels(CITIES).near(wrong)
    assert said.startswith(f"one of 1,200 values, such as {first!r}, ")
    assert said.count("'") == 2 * MOST


@pytest.mark.parametrize(("wrong", "near"), [(7_000_003, {7_000_000}), (6_999_999.5, {7_000_000}), (-5, {0, 1_000})])
def test_the_nearest_code_comes_first(wrong: float, near: set[int]) -> None:
    named = Levels(range(0, 10_000_000, 1_000)).near(wrong).split("such as ")[1].replace(" and ", ", ").split(", ")
    assert near <= {int(code) for code in named[: len(near)]}


@pytest.mark.parametrize("wrong", [None, 4, [], {"a": 1}, "", "\N{SNOWMAN}", True])
def test_without_a_near_one_the_first_are_named(wrong: Any) -> None:
    assert Levels(CITIES).near(wrong).startswith("one of 1,200 values, such as 'North 0', 'Old 0', 'Port 0', ")


def test_few_levels_are_all_named_in_their_order() -> None:
    assert Levels(("basic", "plus", "pro")).near("pros") == "'basic', 'plus' or 'pro'"
    assert Levels(("basic",)).near("pros") == "'basic'"
