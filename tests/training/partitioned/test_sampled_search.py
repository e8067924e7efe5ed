"""A fit in parts chooses its parameters on the whole sample, and their number of trees on all training rows."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from sklearn.metrics import log_loss
from xgboost import XGBClassifier

from benchmarks.statistics import table_shapes
from models.customer.contract import Labels, Matrix
from models.progress import Progress
from tests.snapped_rows import edges_of, part_of, shuffled
from training.data.hashing import hash_split
from training.data.splitting import FOLDS, Folds
from training.learning import model, presets
from training.learning.model import PARAMETERS
from training.learning.trial import Parameters, Trial
from training.partitioned import sampled_search, snapped_part
from training.partitioned.executor import InProcess
from training.partitioned.preparation import SnappedRows
from training.partitioned.snapped_part import SnappedPart
from training.settings import FitSettings

ROWS, SAMPLED, SEED = 5_000, 1_000, 7
MATRIX, CHURNED = table_shapes.many_regions(ROWS, 1, 100)
EDGES = edges_of(MATRIX)
WHOLE = part_of(MATRIX, CHURNED, EDGES)


@pytest.fixture(autouse=True)
def steep(monkeypatch: pytest.MonkeyPatch) -> None:
    """One other preset, whose trees are few and better."""
    monkeypatch.setattr(presets, "OTHERS", {"steep": {"max_depth": 6, "learning_rate": 0.3, "min_child_weight": 1}})


def served(parameters: Parameters) -> XGBClassifier:
    return model.served(parameters=parameters, constraints=None, seed=SEED, threads=1)


def table(*, are_sampled: bool = True) -> SnappedRows:
    return SnappedRows(shuffled(WHOLE, [500, 3_000]), EDGES, InProcess(), SEED, are_sampled)


def sample(rows: int) -> tuple[Matrix, Labels, Folds, None]:
    kept = np.flatnonzero(hash_split.trained(SEED).of(WHOLE.hashes))[:rows]
    held_out = [np.flatnonzero(hash_split.held_out(SEED, fold).of(WHOLE.hashes[kept])) for fold in range(FOLDS)]
    return MATRIX[kept], CHURNED[kept], [(~np.isin(np.arange(rows), held), held) for held in held_out], None


def run(tmp_path: Path, *, trials: int = 0, are_sampled: bool = True) -> tuple[Parameters, list[Trial]]:
    told: list[Trial] = []
    found, _ = sampled_search.run(
        served,
        sample(SAMPLED),
        table=table(are_sampled=are_sampled),
        settings=FitSettings(trials=trials, output_dir=tmp_path),
        progress=Progress(),
        on_trial=told.append,
    )
    return found, told


def test_the_trees_of_a_preset_are_those_with_the_lowest_loss_in_the_whole_table(tmp_path: Path) -> None:
    found, _ = run(tmp_path)
    on_sample, _ = run(tmp_path, are_sampled=False)
    assert presets.name_of(found) == "steep"
    assert found | {"n_estimators": 0} == on_sample | {"n_estimators": 0}
    assert found["n_estimators"] != on_sample["n_estimators"]
    grown = int(found["n_estimators"]) + presets.PATIENCE_TREES
    longer = table().fit(served(found | {"n_estimators": grown}), 0)
    rows = hash_split.judged(SEED, 0).of(WHOLE.hashes)
    matrix = snapped_part.values(SnappedPart(WHOLE.codes[rows], WHOLE.churned[rows], WHOLE.hashes[rows]), EDGES)

    def loss(trees: int) -> float:
        probability = longer.predict_proba(matrix, iteration_range=(0, trees))[:, 1].astype(np.float64)
        return float(log_loss(WHOLE.churned[rows], probability))

    assert found["n_estimators"] == min(range(1, grown + 1), key=loss)


def test_the_usual_parameters_keep_their_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "OTHERS", {})
    assert run(tmp_path)[0] == PARAMETERS


def test_the_trees_of_a_search_are_found_in_the_whole_table(tmp_path: Path) -> None:
    found, [first] = run(tmp_path, trials=1)
    assert found | {"n_estimators": 0} == first.parameters | {"n_estimators": 0}
    trees = sampled_search.best_trees(served(first.parameters), table(), searched=True)
    assert found["n_estimators"] == trees != first.parameters["n_estimators"]


@pytest.mark.parametrize(("searched", "limits"), [(False, (300, 30)), (True, (1_000, 40))])
def test_the_trees_have_the_limits_that_they_had_on_the_sample(*, searched: bool, limits: tuple[int, int]) -> None:
    class Told:
        def best_trees(self, classifier: XGBClassifier) -> Any:
            return classifier.n_estimators, classifier.early_stopping_rounds

    told = sampled_search.best_trees(served(dict(PARAMETERS)), cast("SnappedRows", Told()), searched=searched)
    assert cast("tuple[int, int]", told) == limits


def test_presets_are_chosen_on_all_rows_of_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def choose(*_: object, most_rows: int, **__: object) -> Parameters:
        asked.append(most_rows)
        return dict(PARAMETERS)

    monkeypatch.setattr(presets, "choose", choose)
    run(tmp_path)
    assert asked == [SAMPLED]
