"""A check fails for differences above chance and above the smallest that matters; chance shrinks with more outcomes."""

from pathlib import Path

import numpy as np
import pytest

from models.bundles import bundle, quality, recalibration
from models.bundles.manifest import Interval
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.features import CONTRACT
from monitoring.quality import performance_checks

TEST_SET = {"roc_auc": Figure(0.85, 0.84, 0.86)}


def hold(live: Figure, error: float, chance: float, *, min_fall: float = 0.02) -> list[str]:
    checks = performance_checks.check(
        {"roc_auc": live, "calibration_error": Figure(error, 0, 1)},
        TEST_SET,
        chance,
        false_alarm_rate=0.01,
        min_fall=min_fall,
        min_calibration_error=0.03,
    )
    return [check.metric for check in checks if check.broken]


CALM = 0.015


@pytest.mark.parametrize(
    ("live", "broken"),
    [
        (Figure(0.80, 0.78, 0.82), ["roc_auc"]),
        (Figure(0.80, 0.74, 0.86), []),  # so few outcomes may show it by chance
        (Figure(0.835, 0.834, 0.836), []),  # certain, and of no matter
        (Figure(0.90, 0.89, 0.91), []),
    ],
)
def test_a_fall_is_more_than_chance_and_more_than_nothing(live: Figure, broken: list[str]) -> None:
    assert hold(live, 0.01, CALM) == broken


@pytest.mark.parametrize(
    ("error", "chance", "broken"),
    [
        (0.04, CALM, ["calibration_error"]),
        (0.04, 0.05, []),  # right probabilities reach that by chance
        (0.02, CALM, []),
    ],
)
def test_probabilities_may_be_off_by_as_much_as_right_ones_are(error: float, chance: float, broken: list[str]) -> None:
    assert hold(Figure(0.85, 0.84, 0.86), error, chance) == broken


def test_both_intervals_count_and_the_false_alarms_are_shared() -> None:
    fall, _ = performance_checks.check(
        {"roc_auc": Figure(0.8, 0.79, 0.81), "calibration_error": Figure(0.01, 0, 0.02)},
        TEST_SET,
        CALM,
        false_alarm_rate=0.05,
        min_fall=0.0,
        min_calibration_error=0.03,
    )
    assert (fall.worse_by, fall.limit) == pytest.approx((0.05, 2**0.5 * 0.01), rel=1e-4)


def find_broken(churned_by: float, *, windows: int) -> list[str]:
    """Judge windows of 200 customers of whom 9 % should churn; those with too few churners for figures are passed."""
    rng = np.random.default_rng(0)
    broken: list[str] = []
    judged = 0
    while judged < windows:
        probability = rng.beta(0.6, 0.6 * 91 / 9, 200)
        churned = (rng.random(200) < churned_by * probability).astype(np.int64)
        if quality.shortage(churned, min_rows=200):
            continue
        judged += 1
        live = quality.measured(probability, churned, RiskPolicy(threshold=0.3))
        error = quality.chance_calibration_error(probability, RiskPolicy(threshold=0.3), rate=0.005)
        limits = {"false_alarm_rate": 0.01, "min_fall": 0.02, "min_calibration_error": 0.03}
        checks = performance_checks.check(live, live, error, **limits)
        broken += [check.metric for check in checks if check.broken]
    return broken


def test_where_churn_is_rare_calm_windows_stay_calm() -> None:
    assert len(find_broken(1, windows=100)) <= 3


def test_where_churn_is_rare_probabilities_that_are_half_of_what_happens_are_found() -> None:
    assert len(find_broken(2, windows=50)) >= 45


def test_the_promise_is_what_the_manifest_says_of_the_test_set(root: Path) -> None:
    manifest = bundle.load(root / "models", contract=CONTRACT).manifest
    promised = manifest.metrics | dict.fromkeys(recalibration.FIGURES, 0.5)
    intervals = manifest.intervals | dict.fromkeys(recalibration.FIGURES, Interval(low=0.25, high=0.75))
    found = performance_checks.reference(manifest.model_copy(update={"metrics": promised, "intervals": intervals}))
    assert found.keys() == intervals.keys() >= {"roc_auc", "cost"}
    assert found["cost"].value == manifest.metrics["cost"]
    assert found["calibration_slope"] == Figure(0.5, 0.25, 0.75)
    assert (found["roc_auc"].low, found["roc_auc"].high) == tuple(dict(manifest.intervals["roc_auc"]).values())


def test_a_manifest_from_before_promises_no_calibration_error_of_another_kind(root: Path) -> None:
    manifest = bundle.load(root / "models", contract=CONTRACT).manifest
    others = {name: value for name, value in manifest.metrics.items() if name not in recalibration.FIGURES}
    older = manifest.model_copy(update={"metrics": others | {"calibration_error": 0.029}})
    assert not older.has_recalibration
    assert "calibration_error" not in performance_checks.reference(older)
    assert "roc_auc" in performance_checks.reference(older)
