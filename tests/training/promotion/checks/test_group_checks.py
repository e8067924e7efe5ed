"""A group is refused when it is surely too bad, and not when chance may have made it so."""

from models.bundles.quality import Figure
from training.promotion.checks import group_checks
from training.promotion.paired_comparison import Gain


def group(value: float, high: float) -> Gain:
    return Gain(0.6, value, Figure(value - 0.6, -0.2, 0.1), -0.2, high)


def test_a_group_below_the_floor_by_chance_is_not_refused() -> None:
    floor, _ = group_checks.check({"new": group(0.47, 0.53), "old": group(0.7, 0.8)}, floor=0.5, margin=0.5)
    assert (floor.passed, floor.challenger, floor.allowed) == (
        True,
        "0.470 for new",
        "ROC-AUC not surely below 0.5",
    )


def test_a_group_whose_whole_interval_is_below_the_floor_is_refused() -> None:
    floor, _ = group_checks.check({"new": group(0.44, 0.49)}, floor=0.5, margin=0.5)
    assert (floor.passed, floor.reason) == (False, "ROC-AUC is surely too low for new (0.440, at most 0.490)")


def test_a_group_that_surely_fell_is_named_with_the_interval_of_its_fall() -> None:
    fallen = Gain(0.8, 0.7, Figure(-0.1, -0.15, -0.05), -0.16, 0.75)
    _, worse = group_checks.check({"new": fallen}, floor=0.5, margin=0.02)
    assert worse.reason == "ROC-AUC is significantly worse for new (by 0.100, 0.050 to 0.150)"
    assert worse.better_by == "-0.100 for new"
