"""A map gives the right values for known numbers, keeps the order of customers, and is refused if it is invalid."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.bundles import bundle
from models.bundles.calibration import Calibration, log_odds
from models.bundles.format.bundle_files import GRAPH
from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.customer.contract import Vector
from models.features import CONTRACT
from training.data import synthetic

BENT = Calibration(method="isotonic", knots=[(0.2, 0.1), (0.6, 0.5), (0.8, 0.9)])
SHIFTED = Calibration(method="sigmoid", slope=2, intercept=-1)

chances = st.lists(st.floats(0, 1), min_size=2, max_size=50).map(lambda some: np.array(sorted(some)))
sigmoids = st.builds(
    Calibration, method=st.just("sigmoid"), slope=st.floats(0.01, 20), intercept=st.floats(-20, 20)
)  # so that no exponent is beyond float64, see below


@st.composite
def isotonics(draw: st.DrawFn) -> Calibration:
    thousandths = st.integers(0, 1_000).map(lambda share: share / 1_000)
    said = sorted(draw(st.lists(thousandths, min_size=1, max_size=20, unique=True)))
    happens = sorted(draw(st.lists(thousandths, min_size=len(said), max_size=len(said))))
    return Calibration(method="isotonic", knots=list(zip(said, happens, strict=True)))


@pytest.mark.parametrize("before", [Calibration(), SHIFTED, BENT], ids=["none", "sigmoid", "isotonic"])
def test_a_recalibrated_map_is_the_line_upon_the_map(before: Calibration) -> None:
    raw = np.linspace(0, 1, 2_001)
    line = Calibration(method="sigmoid", slope=0.9, intercept=0.6)
    expected = line.apply(before.apply(raw))
    after = before.recalibrated(slope=0.9, intercept=0.6)
    np.testing.assert_allclose(after.apply(raw), expected, atol=1e-3 if before is BENT else 1e-6)
    assert (np.diff(after.apply(raw)) >= 0).all()
    again = after.recalibrated(slope=1 / 0.9, intercept=-0.6 / 0.9)
    np.testing.assert_allclose(again.apply(raw), before.apply(raw), atol=2e-3 if before is BENT else 1e-6)


def test_without_a_method_probabilities_stay_as_they_are() -> None:
    probability = np.array([0.0, 0.123, 1.0])
    np.testing.assert_array_equal(Calibration().apply(probability), [0.0, 0.123, 1.0])


def test_the_sigmoid_bends_log_odds_in_a_straight_line() -> None:
    # At odds of 4 to 1, twice the log-odds are odds of 16 to 1, and the intercept divides them by e.
    np.testing.assert_allclose(SHIFTED.apply(np.array([0.5, 0.8])), [1 / (1 + np.e), 16 / (16 + np.e)], rtol=1e-12)


def test_a_sigmoid_of_slope_1_and_no_intercept_changes_nothing() -> None:
    probability = np.linspace(0.001, 0.999, 99)
    np.testing.assert_allclose(Calibration(method="sigmoid").apply(probability), probability, rtol=1e-12)


def test_isotonic_is_straight_between_its_knots_and_level_outside() -> None:
    said = np.array([0.0, 0.2, 0.3, 0.6, 0.7, 0.8, 1.0])
    np.testing.assert_allclose(BENT.apply(said), [0.1, 0.1, 0.2, 0.5, 0.7, 0.9, 0.9], rtol=1e-12)


def test_one_knot_says_the_same_of_everybody() -> None:
    level = Calibration(method="isotonic", knots=[(0.4, 0.3)])
    np.testing.assert_array_equal(level.apply(np.array([0.0, 0.4, 1.0])), [0.3, 0.3, 0.3])


def test_log_odds_of_the_certain_are_those_of_one_in_a_thousand_million() -> None:
    expected = [-np.log(1e9), 0, np.log(3), np.log(1e9)]
    np.testing.assert_allclose(log_odds(np.array([0.0, 0.5, 0.75, 1.0])), expected, rtol=1e-6)


@given(calibration=st.one_of(sigmoids, isotonics()), probability=chances)
def test_the_order_of_customers_is_kept(calibration: Calibration, probability: Vector) -> None:
    calibrated = calibration.apply(probability)
    assert (np.diff(calibrated) >= -1e-12).all()  # but for a last digit
    assert ((calibrated >= 0) & (calibrated <= 1)).all()


@given(
    slope=st.floats(0.2, 5),
    intercept=st.floats(-3, 3),
    pair=st.tuples(st.floats(0.001, 0.5), st.floats(1.01, 1.9)).map(lambda of: (of[0], of[0] * of[1])),
)
def test_a_sigmoid_makes_no_ties(slope: float, intercept: float, pair: tuple[float, float]) -> None:
    low, high = Calibration(method="sigmoid", slope=slope, intercept=intercept).apply(np.array(pair))
    assert low < high


@pytest.mark.parametrize("calibration", [Calibration(), SHIFTED, BENT], ids=lambda one: one.method)
def test_the_certain_stay_finite_and_within_0_and_1(calibration: Calibration) -> None:
    calibrated = calibration.apply(np.array([0.0, 1.0]))
    assert np.isfinite(calibrated).all()
    assert 0 <= calibrated[0] < calibrated[1] <= 1


def test_the_steepest_sigmoid_says_0_and_1_without_a_warning() -> None:
    steep = Calibration(method="sigmoid", slope=2_000)  # what scores that divide customers without an error lead to
    np.testing.assert_allclose(steep.apply(np.array([0.0, 0.01, 0.5, 0.99, 1.0])), [0, 0, 0.5, 1, 1], atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"method": "none", "knots": [(0.1, 0.1)]}, "no other method may have them"),
        ({"method": "sigmoid", "knots": [(0.1, 0.1)]}, "no other method may have them"),
        ({"method": "isotonic"}, "isotonic needs knots"),
        ({"method": "isotonic", "knots": [(0.5, 0.1), (0.4, 0.2)]}, "knots must ascend"),
        ({"method": "isotonic", "knots": [(0.4, 0.2), (0.5, 0.1)]}, "knots must ascend"),
        ({"method": "isotonic", "knots": [(0.4, 0.1), (0.4, 0.2)]}, "knots must ascend"),
        ({"method": "sigmoid", "slope": 0}, "greater than 0"),
        ({"method": "sigmoid", "slope": -1}, "greater than 0"),
        ({"method": "platt"}, "'none', 'sigmoid' or 'isotonic'"),
        ({"method": "none", "temperature": 2}, "not permitted"),
    ],
)
def test_what_keeps_no_order_or_fits_no_method_is_refused(wrong: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Calibration.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "isotonic", "knots": [(0.2, -0.1), (0.6, 0.5)]},
        {"method": "isotonic", "knots": [(0.2, 0.1), (0.6, 1.1)]},
        {"method": "isotonic", "knots": [(0.2, float("nan"))]},
        {"method": "sigmoid", "slope": float("inf")},
        {"method": "sigmoid", "intercept": float("nan")},
    ],
    ids=["below 0", "above 1", "a knot that is no number", "infinite", "an intercept that is no number"],
)
def test_a_map_to_what_is_no_probability_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Calibration.model_validate(wrong)


@given(calibration=st.one_of(st.just(Calibration()), sigmoids, isotonics()))
def test_a_manifest_gives_back_the_very_same_map(calibration: Calibration) -> None:
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


@pytest.mark.parametrize("calibration", [SHIFTED, BENT], ids=lambda one: one.method)
@pytest.mark.parametrize("rows", [1, 500])
def test_the_scorer_gives_calibrated_probabilities(root: Path, calibration: Calibration, rows: int) -> None:
    graph = bundle.load(root / "models", contract=CONTRACT).path(GRAPH)
    plain, calibrated = (
        Scorer(graph, version="v", policy=RiskPolicy(), calibration=one) for one in (Calibration(), calibration)
    )
    matrix = CONTRACT.to_matrix(synthetic.sample(rows, seed=1)[0])
    uncalibrated = np.array([plain.score(row[np.newaxis])[0] for row in matrix])
    expected = calibration.apply(uncalibrated)
    assert np.abs(expected - uncalibrated).max() > 0.01
    np.testing.assert_allclose(calibrated.score(matrix), expected, rtol=1e-12)


def test_the_scorer_of_a_bundle_takes_the_map_of_its_manifest(root: Path) -> None:
    served = bundle.load(root / "models", contract=CONTRACT)
    bent = replace(served, manifest=served.manifest.model_copy(update={"calibration": BENT}))
    plain = Scorer(served.path(GRAPH), version="v", policy=RiskPolicy(), calibration=Calibration())
    matrix = CONTRACT.to_matrix(synthetic.sample(50, seed=1)[0])
    np.testing.assert_allclose(Scorer.of(bent).score(matrix), BENT.apply(plain.score(matrix)), rtol=1e-12)


@pytest.mark.parametrize("slope", [0.3, 1.1, 1.7, 90])
def test_one_row_is_calibrated_like_many(slope: float) -> None:
    calibration = Calibration(method="sigmoid", slope=slope, intercept=-0.2)
    probabilities = np.array([0, 1e-12, 0.5, 1, *np.random.default_rng(0).random(1_000)])
    each = [calibration.apply(probabilities[place : place + 1])[0] for place in range(len(probabilities))]
    assert each == calibration.apply(probabilities).tolist()
