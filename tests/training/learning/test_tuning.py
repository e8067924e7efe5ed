"""A search starts from the classifier's parameters, evaluates on held-out rows, and continues after an interruption."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple, NoReturn

import numpy as np
import optuna
import pytest
from mlflow import MlflowClient
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sqlalchemy.pool import NullPool
from xgboost import XGBClassifier

from models.customer.contract import Labels, Matrix
from models.features import CONTRACT
from tests import shipped
from training.data import synthetic
from training.errors import StudyUnusable
from training.learning import tuning
from training.learning.linear_trees import LinearTrees
from training.learning.model import PARAMETERS
from training.learning.trial import Fold, Parameters, Trial
from training.learning.tuning import TuningResult
from training.publishing import tracking
from training.settings import FitSettings

shipped.require()

CUSTOMERS, _ = synthetic.sample(600, seed=1)
MATRIX: Matrix = CONTRACT.to_matrix(CUSTOMERS)
CHURNED: Labels = CUSTOMERS["churned"].to_numpy()
FOLDS: list[Fold] = [
    (np.bincount(kept, minlength=len(CHURNED)) == 1, held_out)
    for kept, held_out in StratifiedKFold(3, shuffle=True, random_state=7).split(MATRIX, CHURNED)
]

Search = Callable[..., tuple[TuningResult, list[Trial]]]


class Straight(NamedTuple):
    tuned: TuningResult
    told: list[Trial]
    storage: Path


class Cut(XGBClassifier):
    """A classifier whose fit is cut off, as by a signal."""

    def fit(self, *_: object, **__: object) -> NoReturn:
        raise SystemExit


def served(kind: type[XGBClassifier] = XGBClassifier, **changes: Any) -> XGBClassifier:
    return kind(**{**PARAMETERS, "random_state": 7, "n_jobs": 1, **changes})


def run(**changes: Any) -> tuple[TuningResult, list[Trial]]:
    """Search; returns the best, and the trials that were told."""
    told: list[Trial] = []
    given: dict[str, Any] = {"classifier": served(), "matrix": MATRIX, "churned": CHURNED, "folds": FOLDS}
    return tuning.tune(**given | {"on_trial": told.append} | changes), told


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "made" / "tuning.db"


@pytest.fixture
def search(storage: Path) -> Search:
    """Search as above, with a file of the test's own."""
    return partial(run, storage=storage)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Straight:
    """A search that nothing stopped, well beyond the ten trials that are drawn blindly."""
    storage = tmp_path_factory.mktemp("straight") / "tuning.db"
    return Straight(*run(trials=16, storage=storage), storage)


def stored(storage: Path) -> list[optuna.trial.FrozenTrial]:
    kept = RDBStorage(f"sqlite:///{storage}", engine_kwargs={"poolclass": NullPool})  # leaves no connection open
    return optuna.load_study(study_name=None, storage=kept).trials


def early_stopped(parameters: dict[str, Any]) -> tuple[float, int]:
    """Judge parameters as the search should, written again from its promises."""
    losses, trees = [], []
    for mask, held_out in FOLDS:
        kept = np.flatnonzero(mask)
        fitted, watched = train_test_split(kept, test_size=0.15, stratify=CHURNED[kept], random_state=7)
        grown = served(**parameters, n_estimators=1_000, early_stopping_rounds=40, eval_metric="logloss")
        grown.fit(MATRIX[fitted], CHURNED[fitted], eval_set=[(MATRIX[watched], CHURNED[watched])], verbose=False)
        losses.append(log_loss(CHURNED[held_out], grown.predict_proba(MATRIX[held_out])[:, 1].astype(np.float64)))
        trees.append(grown.best_iteration + 1)
    return fmean(losses), round(fmean(trees))


def test_the_first_trial_is_the_model_that_is_served_but_for_its_number_of_trees(search: Search) -> None:
    _, [first] = search(trials=1)
    loss, trees = early_stopped({})
    assert trees != PARAMETERS["n_estimators"]
    of_xgboost = {name: default for name, (_, default) in tuning.SPACE.items()}
    assert first.parameters == {**of_xgboost, **PARAMETERS, "n_estimators": trees}
    assert first.state == "complete"
    assert first.log_loss == pytest.approx(loss, rel=1e-12)


def test_what_a_classifier_does_not_set_is_xgboosts_own_value() -> None:
    named = {name: int(default) if name == "max_depth" else default for name, (_, default) in tuning.SPACE.items()}
    bare, spelt_out = (XGBClassifier(n_estimators=5, **given).fit(MATRIX, CHURNED) for given in ({}, named))
    assert bare.get_booster().get_dump(with_stats=True) == spelt_out.get_booster().get_dump(with_stats=True)


def test_a_served_model_outside_the_space_is_tried_all_the_same(search: Search) -> None:
    outside: dict[str, Any] = {"max_depth": 2, "learning_rate": 0.3, "reg_lambda": 0, "gamma": 3}
    _, [first, second] = search(classifier=served(**outside), trials=2)
    assert outside.items() <= first.parameters.items()
    assert first.log_loss == pytest.approx(early_stopped(outside)[0], rel=1e-12)
    assert second.parameters != first.parameters


def test_the_best_trial_is_returned_and_is_no_worse_than_the_first(straight: Straight) -> None:
    tuned, told = straight.tuned, straight.told
    losses = {trial.log_loss: trial.parameters for trial in told if trial.log_loss is not None}
    assert tuned.log_loss == min(losses) < (told[0].log_loss or 0)
    assert tuned.parameters == losses[tuned.log_loss]
    searched = {name: value for name, value in tuned.parameters.items() if name != "n_estimators"}
    assert (tuned.log_loss, tuned.parameters["n_estimators"]) == pytest.approx(early_stopped(searched), rel=1e-12)
    assert tuned.trials == len(told) == 16


def test_rows_that_judge_choose_nothing(search: Search) -> None:
    kept, held_out = FOLDS[0]
    churned = CHURNED.copy()
    churned[held_out] = 1 - churned[held_out]
    _, clean = search(folds=FOLDS[:1], trials=3)
    _, poisoned = search(folds=FOLDS[:1], trials=3, churned=churned)
    assert [trial.parameters for trial in poisoned] == [trial.parameters for trial in clean]
    assert all((bad.log_loss or 0) > 2 * (good.log_loss or 0) for bad, good in zip(poisoned, clean, strict=True))

    first = np.flatnonzero(kept)[:20]
    churned[first] = 1 - churned[first]
    _, other = search(folds=FOLDS[:1], trials=3, churned=churned)
    assert [trial.parameters for trial in other] != [trial.parameters for trial in clean]


def test_a_trial_is_pruned_once_it_is_behind_the_median_on_the_same_folds(straight: Straight) -> None:
    complete: list[float] = []
    for trial, heard in zip(stored(straight.storage), straight.told, strict=True):
        after_two = trial.intermediate_values[2]
        behind = len(complete) >= tuning.UNPRUNED_TRIALS and after_two > median(complete)
        assert trial.state == (TrialState.PRUNED if behind else TrialState.COMPLETE)
        assert (len(trial.intermediate_values), heard.state) == ((2, "pruned") if behind else (3, "complete"))
        assert (heard.log_loss is None) == behind
        complete += [] if behind else [after_two]
    assert straight.tuned.pruned == 16 - len(complete) > 0
    assert len(complete) > tuning.UNPRUNED_TRIALS + 1


def test_equal_seeds_find_the_same_and_another_seed_does_not(search: Search, straight: Straight) -> None:
    _, again = search(trials=2)
    _, other = search(classifier=served(random_state=8), trials=2)
    assert again == straight.told[:2]
    assert other[0].log_loss != again[0].log_loss
    assert other[1].parameters["gamma"] != again[1].parameters["gamma"]


@pytest.mark.parametrize(("interruption", "at"), [(KeyboardInterrupt, 12), (SystemExit, 1), (RuntimeError, 1)])
def test_an_interrupted_search_goes_on_to_what_it_would_have_found(
    search: Search, straight: Straight, interruption: type[BaseException], at: int
) -> None:
    heard: list[Trial] = []

    def stop(trial: Trial) -> None:
        heard.append(trial)
        if len(heard) == at:
            raise interruption

    with pytest.raises(interruption):
        search(trials=at + 2, on_trial=stop)
    tuned, rest = search(trials=at + 2)
    assert heard + rest == straight.told[: at + 2]
    assert tuned.trials == at + 2


def test_a_search_that_has_all_its_trials_answers_without_a_fit(straight: Straight) -> None:
    again = run(classifier=served(Cut, n_jobs=2), trials=16, storage=straight.storage)
    assert again == (straight.tuned, [])


def test_of_more_trials_than_asked_for_the_first_count(straight: Straight) -> None:
    found, new = run(classifier=served(Cut, n_jobs=2), trials=1, storage=straight.storage)
    assert (found.trials, found.pruned, new) == (1, 0, [])
    assert found.log_loss == straight.told[0].log_loss


@pytest.mark.parametrize("done", [0, 11])
def test_a_trial_that_was_cut_off_is_made_anew(search: Search, storage: Path, straight: Straight, done: int) -> None:
    if done:
        search(trials=done)
    with pytest.raises(SystemExit):
        search(classifier=served(Cut), trials=done + 1)
    assert stored(storage)[-1].state == TrialState.RUNNING
    _, told = search(trials=done + 2)
    made, meant = ([(trial.parameters, trial.log_loss) for trial in trials] for trials in (told, straight.told[done:]))
    assert made == meant[:2]


@pytest.mark.parametrize(
    "change",
    [
        {"matrix": MATRIX * 2},
        {"churned": 1 - CHURNED},
        {"folds": FOLDS[::-1]},
        {"classifier": served(monotone_constraints=(1,) * MATRIX.shape[1])},
        {"classifier": LinearTrees(**served().get_params())},
    ],
    ids=lambda change: next(iter(change)),
)
def test_trials_on_other_rows_or_terms_are_not_taken_for_these(search: Search, change: dict[str, Any]) -> None:
    search(trials=1)
    _, told = search(trials=1, **change)
    assert len(told) == 1


def test_constraints_hold_in_trials_and_in_what_is_fitted_with_the_result(search: Search) -> None:
    tenure = CONTRACT.matrix_columns.index("tenure_months")
    constraints = tuple(int(column == tenure) for column in range(MATRIX.shape[1]))  # against the truth
    constrained = served(monotone_constraints=constraints)
    tuned, [first, _] = search(classifier=constrained, trials=2)
    assert first.log_loss == pytest.approx(early_stopped({"monotone_constraints": constraints})[0], rel=1e-12)
    months = np.repeat(MATRIX[:1], 73, axis=0)
    months[:, tenure] = np.arange(73)
    free, bound = (
        one.set_params(**tuned.parameters).fit(MATRIX, CHURNED).predict_proba(months)[:, 1]
        for one in (served(), constrained)
    )
    assert (np.diff(bound) >= 0).all()
    assert (np.diff(free) < 0).any()


def test_optuna_is_quiet(search: Search, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    monkeypatch.setattr(logging.getLogger("optuna"), "propagate", True)
    caplog.set_level(logging.INFO)
    search(trials=1)
    assert [record for record in caplog.records if record.name.startswith("optuna")] == []


def test_a_file_that_cannot_be_used_is_named_with_a_remedy(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be taken for one " * 20)
    for path, problem in ((text, "not a database"), (tmp_path, "unable to open"), (text / "tuning.db", "exists")):
        with pytest.raises(StudyUnusable, match=rf"{path}: .*{problem}.*move that file away") as caught:
            run(trials=1, storage=path)
        assert caught.value.path == path


def test_mlflow_keeps_each_trial_as_a_run_below_the_fit(settings: FitSettings) -> None:
    parameters: Parameters = {"max_depth": 4, "learning_rate": 0.05, "n_estimators": 120}
    with tracking.run(settings) as run:
        run.log_trial(Trial(0, parameters, 0.35))
        run.log_trial(Trial(1, parameters, None))
    client = MlflowClient(settings.mlflow)
    [experiment] = client.search_experiments(filter_string=f"name = '{tracking.REGISTERED_MODEL}'")
    below = f"tags.mlflow.parentRunId = '{run.run_id}'"
    complete, pruned = client.search_runs([experiment.experiment_id], below, order_by=["attributes.start_time ASC"])
    assert (complete.info.run_name, complete.info.status, complete.data.tags["state"]) == (
        "trial 0",
        "FINISHED",
        "complete",
    )
    assert complete.data.params == {"max_depth": "4", "learning_rate": "0.05", "n_estimators": "120"}
    assert complete.data.metrics == {"trial/log_loss": 0.35}
    assert (pruned.info.run_name, pruned.info.status, pruned.data.tags["state"]) == ("trial 1", "KILLED", "pruned")
    assert pruned.data.metrics == {}
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert client.get_run(run.run_id).data.metrics == {}
