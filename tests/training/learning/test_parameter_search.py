"""A search keeps what the chosen preset learns from, and a table in parts has no preset of linear trees."""

from pathlib import Path
from statistics import fmean

import pytest
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

from benchmarks.statistics import table_shapes
from models.bundles.manifest import Tuning
from models.progress import Progress
from tests.training import random_split
from training.learning import model, parameter_search, presets
from training.learning.model import LINEAR_TREES, PARAMETERS
from training.learning.trial import Parameters, Trial, judge
from training.settings import FitSettings

TABLE, OUTCOMES = table_shapes.additive(500, 0)
SPLIT = random_split.of(OUTCOMES, seed=7)
MATRIX, CHURNED, FOLDS = TABLE[SPLIT.training], OUTCOMES[SPLIT.training], SPLIT.folds
LINEAR = presets.OTHERS[presets.LINEAR]


@pytest.fixture(autouse=True)
def only_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "OTHERS", {presets.LINEAR: LINEAR})


def search(folder: Path, *, trials: int, in_parts: bool) -> tuple[Parameters, Tuning | None, list[Trial]]:
    def make(parameters: Parameters) -> XGBClassifier:
        return model.served(parameters=parameters, constraints=None, seed=7, threads=1)

    told = list[Trial]()
    settings = FitSettings(trials=trials, output_dir=folder)
    rows = (MATRIX, CHURNED, FOLDS, None)
    with Progress(parameter_search.steps(trials)) as progress, threadpool_limits(1):
        found, tuned = parameter_search.run(
            make, rows, settings=settings, in_parts=in_parts, progress=progress, on_trial=told.append
        )
    return found, tuned, told


def test_the_trials_after_linear_trees_add_trees_to_them(tmp_path: Path) -> None:
    found, tuned, [first] = search(tmp_path, trials=1, in_parts=False)
    assert tuned is not None
    assert tuned.trials == 1
    assert {name: found[name] for name in LINEAR if name != "n_estimators"} == {
        name: value for name, value in LINEAR.items() if name != "n_estimators"
    }
    assert found[LINEAR_TREES] == 1
    assert first.parameters[LINEAR_TREES] == 1
    usual = model.served(parameters=PARAMETERS, constraints=None, seed=7, threads=1)
    with threadpool_limits(1):
        from_outcomes = fmean(loss for loss, _ in judge(usual, MATRIX, CHURNED, FOLDS))
    assert found["n_estimators"] > MATRIX.shape[1]
    assert first.log_loss is not None
    assert first.log_loss < from_outcomes - 0.01


def test_a_table_in_parts_gets_no_linear_trees(tmp_path: Path) -> None:
    assert search(tmp_path, trials=0, in_parts=True) == (PARAMETERS, None, [])
