"""The simplest map that is as good as the best is chosen, on rows that it was not fitted on, and it is calibrated."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from models.bundles.calibration import Calibration, Method
from models.customer.contract import Labels, Vector
from training.data.splitting import Rows
from training.learning import calibrators

Scored = Callable[..., tuple[Vector, Labels]]
METHODS: tuple[Method, ...] = ("none", "sigmoid", "isotonic")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in a fit: on a busy machine many threads wait for each other."""
    with threadpool_limits(1):
        yield


def chance(log_odds: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def drawn(truth: Vector, seed: int) -> Labels:
    return (np.random.default_rng(1_000 + seed).random(len(truth)) < truth).astype(np.int64)


def folds(rows: int) -> Rows:
    return np.arange(rows) % 5


def right(rows: int = 2_000, *, seed: int = 0) -> tuple[Vector, Labels]:
    """Scores that are probabilities."""
    truth = chance(np.random.default_rng(seed).normal(-1, 1.5, rows))
    return truth, drawn(truth, seed)


def bent(rows: int = 2_000, *, seed: int = 0) -> tuple[Vector, Labels]:
    """Scores whose true log-odds are 1.8 times as large, less 0.7."""
    log_odds = np.random.default_rng(seed).normal(-0.5, 1, rows)
    return chance(log_odds), drawn(chance(1.8 * log_odds - 0.7), seed)


def stepped(rows: int = 2_000, *, seed: int = 0) -> tuple[Vector, Labels]:
    """Scores below 0.5 that mean 0.1, and others that mean 0.7."""
    scores = np.random.default_rng(seed).random(rows)
    return scores, drawn(np.where(scores < 0.5, 0.1, 0.7), seed)


def by_chance(rows: int = 500, *, seed: int = 0) -> tuple[Vector, Labels]:
    """Scores that rank nobody."""
    rng = np.random.default_rng(seed)
    return rng.beta(3, 7, rows), (rng.random(rows) < 0.3).astype(np.int64)


def backwards(rows: int = 500, *, seed: int = 0) -> tuple[Vector, Labels]:
    """Scores that rank customers the wrong way round."""
    truth, churned = right(rows, seed=seed)
    return 1 - truth, churned


def test_scores_that_are_probabilities_are_nearly_always_left_alone() -> None:
    maps = [calibrators.choose(*right(seed=seed), folds(2_000))[0] for seed in range(10)]
    assert maps.count(Calibration()) >= 9  # one standard error is passed by chance now and then


def test_a_map_that_is_better_by_chance_only_is_not_taken() -> None:
    chosen, losses = calibrators.choose(*right(seed=10), folds(2_000))
    assert losses["sigmoid"] < losses["none"]
    assert chosen.method == "none"


@pytest.mark.parametrize("seed", range(3))
def test_scores_bent_in_log_odds_get_the_sigmoid_that_straightens_them(seed: int) -> None:
    scores, churned = bent(seed=seed)
    chosen, losses = calibrators.choose(scores, churned, folds(2_000))
    assert chosen.method == "sigmoid"
    assert losses["sigmoid"] < losses["none"]
    assert chosen == calibrators.make("sigmoid", scores, churned)  # of all rows


def test_slope_and_intercept_are_found() -> None:
    found = calibrators.make("sigmoid", *bent(100_000))
    assert (found.slope, found.intercept) == pytest.approx((1.8, -0.7), abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_scores_that_hide_a_step_get_the_isotonic_map_which_helps_new_customers(seed: int) -> None:
    scores, churned = stepped(seed=seed)
    chosen, _ = calibrators.choose(scores, churned, folds(2_000))
    assert chosen.method == "isotonic"
    new, happened = stepped(10_000, seed=seed + 100)
    losses = {method: log_loss(happened, calibrators.make(method, scores, churned).apply(new)) for method in METHODS}
    assert losses["isotonic"] < losses["sigmoid"] - 0.01
    assert losses["sigmoid"] < losses["none"] - 0.01
    np.testing.assert_allclose(chosen.apply(np.array([0.25, 0.75])), [0.1, 0.7], atol=0.06)


def test_the_log_loss_of_a_method_is_that_of_rows_that_its_maps_did_not_see() -> None:
    scores, churned = stepped()
    fold = np.random.default_rng(0).choice(5, 2_000, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    _, losses = calibrators.choose(scores, churned, fold)
    assert tuple(losses) == METHODS
    for method in METHODS:
        unseen = np.empty_like(scores)
        for number in range(5):
            here, others = fold == number, fold != number
            unseen[here] = calibrators.make(method, scores[others], churned[others]).apply(scores[here])
        assert losses[method] == pytest.approx(log_loss(churned, unseen), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_what_became_of_a_fold_changes_nothing_about_how_it_is_mapped(method: Method) -> None:
    scores, churned = stepped()
    inside = folds(2_000) == 2
    flipped = np.where(inside, 1 - churned, churned)

    def said(outcomes: Labels) -> Vector:
        happened = np.exp(-calibrators._judge(method, scores, outcomes, folds(2_000)))
        return np.asarray(np.where(outcomes == 1, happened, 1 - happened))

    np.testing.assert_allclose(said(flipped)[inside], said(churned)[inside], rtol=1e-9)
    if method != "none":
        assert np.abs(said(flipped)[~inside] - said(churned)[~inside]).max() > 0.01


@given(rows=st.integers(50, 1_500), seed=st.integers(0, 1_000))
def test_knots_are_few_ascend_and_are_never_certain(rows: int, seed: int) -> None:
    knots = np.array(calibrators.make("isotonic", *right(rows, seed=seed)).knots)
    assert 1 <= len(knots) <= 100
    assert (np.diff(knots, axis=0) > 0).all()
    assert ((knots[:, 1] > 0) & (knots[:, 1] < 1)).all()


@pytest.mark.parametrize("rows", [50, 250, 333, 1_250])
def test_customers_of_one_score_share_one_knot(rows: int) -> None:
    for seed in range(100):
        scores, churned = right(rows, seed=seed)
        knots = np.array(calibrators.make("isotonic", scores.round(1), churned).knots)
        assert (np.diff(knots, axis=0) > 1e-9).all()


def test_levels_of_stayers_or_churners_alone_are_not_certain_either() -> None:
    scores = np.linspace(0.01, 0.99, 400)
    first, *_, last = calibrators.make("isotonic", scores, (scores > 0.5).astype(np.int64)).knots
    # As of one customer more of each kind: of 402 customers one.
    assert (first[1], last[1]) == pytest.approx((1 / 402, 401 / 402))


def test_of_very_many_levels_there_are_a_hundred() -> None:
    scores = np.repeat((np.arange(200) + 0.5) / 200, 200)  # of each score just as many churn as it says
    churned = (np.tile(np.arange(200), 200) < np.repeat(np.arange(200), 200) + 0.5).astype(np.int64)
    assert len(calibrators.make("isotonic", scores, churned).knots) == 100


def test_a_level_lies_at_the_mean_score_and_the_share_of_its_customers() -> None:
    scores = np.repeat([0.1, 0.2, 0.6, 0.8], [100, 300, 100, 100])
    churned = np.concatenate([np.arange(rows) < left for rows, left in ((100, 20), (300, 30), (100, 30), (100, 50))])
    knots = calibrators.make("isotonic", scores, churned.astype(np.int64)).knots
    # Fewer churn at 0.2 than at 0.1, so both are one level, at a quarter of 0.1 and three quarters of 0.2.
    np.testing.assert_allclose(knots, [(0.175, 0.125), (0.6, 0.3), (0.8, 0.5)], rtol=1e-9)


def test_between_the_outer_knots_no_two_customers_are_made_alike() -> None:
    scores, churned = stepped()
    found = calibrators.make("isotonic", scores, churned)
    inside = np.unique(scores[(scores > found.knots[0][0]) & (scores < found.knots[-1][0])])
    assert len(inside) > 500
    assert (np.diff(found.apply(inside)) > 0).all()


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_as_many_are_expected_to_churn_as_did(method: Method) -> None:
    scores, churned = bent(5_000)
    assert abs(scores.mean() - churned.mean()) > 0.05
    assert calibrators.make(method, scores, churned).apply(scores).mean() == pytest.approx(churned.mean(), abs=0.01)


@pytest.mark.parametrize(
    "scores",
    [
        np.repeat([0.0, 1.0], 100),
        np.repeat([0.2, 0.8], 100),
        np.linspace(0.01, 0.99, 200),
        np.concatenate([np.linspace(0.001, 0.499, 100), np.linspace(0.501, 0.999, 100)]),
        np.concatenate([[0.001] * 5, np.full(95, 0.4999), np.full(95, 0.5001), [0.999] * 5]),
    ],
    ids=["certain", "two scores", "evenly", "a gap", "a narrow gap and far scores"],
)
def test_scores_without_an_error_are_mapped_without_a_warning(scores: Vector) -> None:
    churned = np.repeat([0, 1], 100)
    chosen, losses = calibrators.choose(scores, churned, folds(200))
    assert np.isfinite(list(losses.values())).all()
    calibrated = chosen.apply(scores)
    assert calibrated[:100].max() < 0.5 < calibrated[100:].min()


@pytest.mark.parametrize("scored", [by_chance, backwards], ids=lambda scored: scored.__name__)
@pytest.mark.parametrize("seed", range(2))
def test_scores_that_rank_no_better_than_chance_are_no_obstacle(scored: Scored, seed: int) -> None:
    scores, churned = scored(seed=seed)
    chosen, losses = calibrators.choose(scores, churned, folds(500))
    assert np.isfinite(losses[chosen.method])
    assert losses[chosen.method] <= losses["none"] + 1e-12


def test_one_score_for_all_is_left_alone_where_it_is_the_share_of_churners() -> None:
    churned = (np.arange(500) % 10 < 3).astype(np.int64)
    chosen, _ = calibrators.choose(np.full(500, 0.3), churned, np.arange(500) // 100)
    assert chosen.method == "none"
