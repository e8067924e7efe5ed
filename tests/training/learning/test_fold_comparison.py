"""The lead of another algorithm on the folds, with its interval."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.customer.contract import Labels, Vector
from training.data.splitting import Folds
from training.learning import fold_comparison
from training.learning.evaluation import OutOfFold


def folds_of(rows: int, number: int = 5) -> Folds:
    return [(np.arange(rows) % number != fold, np.arange(fold, rows, number)) for fold in range(number)]


def judged(score: Vector) -> OutOfFold:
    folds = folds_of(len(score))
    return OutOfFold(folds, [score[held_out] for _, held_out in folds])


def draw(seed: int, rows: int = 1_000) -> tuple[Labels, Vector]:
    rng = np.random.default_rng(seed)
    return (rng.random(rows) < 0.3).astype(np.int64), rng.normal(size=rows)


def test_the_lead_is_the_mean_difference_in_roc_auc() -> None:
    churned, noise = draw(1)
    better, worse = (np.round(churned * strength + noise, 1) for strength in (1.5, 1.0))  # with ties
    expected = [
        roc_auc_score(churned[rows], better[rows]) - roc_auc_score(churned[rows], worse[rows])
        for _, rows in folds_of(1_000)
    ]
    found = fold_comparison.lead(judged(better), judged(worse), churned)
    assert found.value == pytest.approx(np.mean(expected), rel=1e-12)
    assert 0 < found.low < found.value < found.high


def test_equal_algorithms_are_seldom_surely_ahead_however_many_are_compared() -> None:
    alone = any_of_four = any_single_interval = 0
    for seed in range(300):
        churned, noise = draw(seed, rows=400)
        rng = np.random.default_rng(1_000 + seed)
        served = judged(churned + noise)
        others = {f"other {at}": judged(churned + rng.normal(size=400)) for at in range(4)}
        compared = {"served": served, **others}
        any_of_four += bool(fold_comparison.surely_ahead(compared, "served", churned))
        pair = {name: compared[name] for name in ("served", "other 0")}
        alone += bool(fold_comparison.surely_ahead(pair, "served", churned))
        any_single_interval += any(fold_comparison.lead(one, served, churned).low > 0 for one in others.values())
    assert 0 <= alone <= 15  # 2.5 % are 7.5
    assert any_of_four <= 15 < any_single_interval


def test_rows_of_one_customer_widen_the_interval() -> None:
    churned, noise = draw(3, rows=500)
    shuffled = np.random.default_rng(3).permutation(noise)
    twice = [np.tile(one, 3) for one in (churned, churned + noise, churned + shuffled)]
    customers = np.tile(np.arange(500), 3)
    pair = judged(twice[2]), judged(twice[1])
    alone = fold_comparison.lead(*pair, twice[0])
    together = fold_comparison.lead(*pair, twice[0], customers)
    assert together.value == alone.value
    assert together.high - together.low == pytest.approx(np.sqrt(3) * (alone.high - alone.low), rel=0.01)


def test_the_same_scores_have_no_lead() -> None:
    churned, noise = draw(5)
    found = fold_comparison.lead(judged(noise), judged(noise), churned)
    assert (found.value, found.low, found.high) == (0, 0, 0)
