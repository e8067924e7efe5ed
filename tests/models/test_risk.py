"""Bounds belong to the tier above them, and must ascend."""

import pytest
from pydantic import ValidationError

from models.risk import RiskPolicy


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
