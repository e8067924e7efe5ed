"""A plain fit takes the preset that does best on the folds, and none that is better by chance."""

from collections.abc import Collection, Iterator

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

from benchmarks.statistics import table_shapes
from models.customer.contract import Labels, Matrix
from tests.training import random_split
from training.data.splitting import Folds, Rows
from training.learning import evaluation, fold_comparison, linear_trees, model, presets
from training.learning.model import HISTOGRAM, LINEAR, PARAMETERS, SERVED
from training.learning.trial import Parameters

MATRIX, CHURNED = table_shapes.many_regions(2_000, 1)

FOLDS = random_split.of(CHURNED, seed=7)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a fit: on a busy machine many threads wait for each other."""
    with threadpool_limits(1):
        yield


def served(parameters: Parameters) -> XGBClassifier:
    return model.served(parameters=parameters, constraints=None, seed=7, threads=1)


def choose(
    matrix: Matrix,
    churned: Labels,
    folds: Folds,
    *,
    customers: Rows | None = None,
    without: Collection[str] = (),
    threads: int = 1,
    most_rows: int = evaluation.COMPARED_ROWS,
) -> tuple[Parameters, int]:
    told: list[None] = []
    found = presets.choose(
        served,
        matrix,
        churned,
        folds,
        customers=customers,
        without=without,
        seed=7,
        threads=threads,
        on_fit=lambda: told.append(None),
        most_rows=most_rows,
    )
    return found, len(told)


def surely_ahead(
    baseline: str, parameters: Parameters, matrix: Matrix, churned: Labels, folds: Folds
) -> dict[str, float]:
    known = model.candidates(served(parameters), seed=7, threads=1)
    compared = evaluation.cross_validate(
        {name: known[name] for name in (SERVED, baseline)},
        matrix,
        churned,
        folds,
        served=SERVED,
        seed=7,
        on_fit=lambda: None,
    )
    return {name: by.value for name, by in fold_comparison.surely_ahead(compared, SERVED, churned).items()}


def training_rows() -> tuple[Matrix, Labels, Folds]:
    return MATRIX[FOLDS.training], CHURNED[FOLDS.training], FOLDS.folds


def test_a_table_with_many_regions_gets_deeper_trees_and_no_baseline_is_ahead_any_more() -> None:
    matrix, churned, folds = training_rows()
    chosen, told = choose(matrix, churned, folds)
    assert (presets.name_of(chosen), told) == ("deep", 4)
    assert chosen["n_estimators"] > 100

    assert surely_ahead(HISTOGRAM, dict(PARAMETERS), matrix, churned, folds) == {
        HISTOGRAM: pytest.approx(0.025, abs=0.01)
    }
    assert surely_ahead(HISTOGRAM, chosen, matrix, churned, folds) == {}


def test_a_table_whose_effects_add_up_gets_trees_that_are_a_regression() -> None:
    table, outcomes = table_shapes.additive(500, 0)
    split = random_split.of(outcomes, seed=7)
    matrix, churned, folds = table[split.training], outcomes[split.training], split.folds
    chosen, _ = choose(matrix, churned, folds)
    assert chosen == dict(PARAMETERS) | presets.OTHERS[presets.LINEAR] | {"n_estimators": 12}
    assert presets.name_of({**chosen, "random_state": 7}) == presets.LINEAR
    assert choose(matrix, churned, folds, threads=3)[0] == chosen
    assert surely_ahead(LINEAR, chosen, matrix, churned, folds) == {}
    others, told = choose(matrix, churned, folds, without=[presets.LINEAR])
    assert (presets.name_of(others), told) == ("shallow", 4)


def test_a_table_with_more_rows_than_linear_trees_are_for_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    table, outcomes = table_shapes.additive(500, 0)
    split = random_split.of(outcomes, seed=7)
    matrix, churned, folds = table[split.training], outcomes[split.training], split.folds
    monkeypatch.setattr(linear_trees, "MOST_ROWS", len(churned))
    assert presets.name_of(choose(matrix, churned, folds)[0]) == presets.LINEAR
    monkeypatch.setattr(linear_trees, "MOST_ROWS", len(churned) - 1)
    assert presets.name_of(choose(matrix, churned, folds)[0]) == "shallow"


@pytest.mark.parametrize(("rows", "strength", "wins"), [(1_500, 0.0, "usual"), (2_500, 0.7, "shallow")])
def test_other_trees_win_on_all_rows_over_linear_ones_that_are_better_on_a_sample_and_the_usual_ones_first(
    rows: int, strength: float, wins: str
) -> None:
    draw = np.random.default_rng(1)
    matrix = draw.normal(size=(rows, 6)).astype(np.float32)
    curve = strength * np.sign(np.abs(matrix[:, 2]) - 0.67) - matrix[:, 3]
    more = curve if strength else np.sign(matrix[:, 2] * matrix[:, 3])
    churned = (draw.random(rows) < 1 / (1 + np.exp(matrix[:, 1] - matrix[:, 0] - more))).astype(np.int64)
    folds = random_split.of(churned, seed=7).folds
    few = []  # the same folds with 150 rows to learn from
    for mask, held_out in folds:
        kept = np.flatnonzero(mask)[evaluation.subsample(int(mask.sum()), seed=7, most=150)]
        few.append((np.isin(np.arange(len(mask)), kept), held_out))
    assert presets.name_of(choose(matrix, churned, few)[0]) == presets.LINEAR
    chosen, told = choose(matrix, churned, folds, most_rows=150)
    assert (presets.name_of(chosen), told) == (wins, 4)


def test_linear_trees_that_are_best_on_a_sample_and_on_all_rows_stay() -> None:
    additive, outcomes = table_shapes.additive(500, 0)
    still, _ = choose(additive, outcomes, random_split.of(outcomes, seed=7).folds, most_rows=300)
    assert presets.name_of(still) == presets.LINEAR


def test_the_choice_is_the_same_with_any_number_of_threads() -> None:
    assert choose(*training_rows(), threads=3) == choose(*training_rows())


def test_the_number_of_trees_is_that_of_the_lowest_loss_over_all_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "OTHERS", {"steep": {"max_depth": 4, "learning_rate": 0.5}})
    monkeypatch.setattr(presets, "MOST_TREES", 60)
    matrix, churned, folds = training_rows()
    chosen, _ = choose(matrix, churned, folds)
    assert presets.name_of(chosen) == "steep"

    def loss(trees: int) -> float:
        unfitted = served({**chosen, "n_estimators": trees}).set_params(seed_per_iteration=True)
        grown = [clone(unfitted).fit(matrix[kept], churned[kept]) for kept, _ in folds]
        parts = zip(grown, folds, strict=True)
        probability = np.concatenate([evaluation.predict(fitted, matrix[held_out]) for fitted, (_, held_out) in parts])
        return float(log_loss(churned[np.concatenate([held_out for _, held_out in folds])], probability))

    assert chosen["n_estimators"] == min(range(10, 61, 10), key=loss)


def test_a_preset_that_is_better_by_chance_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "OTHERS", {"alike": {"min_child_weight": 5.5}})
    monkeypatch.setattr(presets, "STEP_TREES", 100)
    monkeypatch.setattr(presets, "MOST_TREES", 100)
    for seed in range(3):
        matrix, churned = table_shapes.many_regions(600, seed, 40)
        chosen, _ = choose(matrix, churned, random_split.of(churned, seed=7).folds)
        assert chosen == PARAMETERS


def test_rows_of_one_customer_count_as_one_when_chance_is_judged() -> None:
    worse_by = np.repeat(np.random.default_rng(3).normal(0.1, 1, 50), 20)
    assert not presets.is_as_good(worse_by, None)
    assert presets.is_as_good(worse_by, np.repeat(np.arange(50), 20))


def test_parameters_of_a_search_have_no_name() -> None:
    assert presets.name_of({**PARAMETERS, "n_estimators": 70, "random_state": 7}) == presets.USUAL
    assert presets.name_of({**PARAMETERS, "max_depth": 5}) is None
