"""Searches for parameters of the served model with Optuna, on folds of the training rows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sklearn.base import clone
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from xgboost import XGBClassifier

from models.customer.contract import Labels, Matrix
from training.errors import StudyUnusable, cause
from training.learning.trial import Fold, Judge, Parameters, Trial, digest, judge

SPACE: dict[str, tuple[IntDistribution | FloatDistribution, float]] = {
    "max_depth": (IntDistribution(3, 8), 6),
    "learning_rate": (FloatDistribution(0.02, 0.15, log=True), 0.3),
    "min_child_weight": (FloatDistribution(1, 10, log=True), 1),
    "subsample": (FloatDistribution(0.5, 1), 1),
    "colsample_bytree": (FloatDistribution(0.5, 1), 1),
    "reg_lambda": (FloatDistribution(1, 20, log=True), 1),
    "gamma": (FloatDistribution(0, 2), 0),
}
"""For each parameter, the range to search, and XGBoost's default, for a classifier that does not set it.

The range is widened to contain the classifier's own value.
"""
UNPRUNED_TRIALS, UNPRUNED_FOLDS = 5, 2
"""Trials that must be complete, and folds that a trial must be evaluated on, before it may be pruned.

After one fold, the order of trials is mostly chance. On Telco, pruning saves a third of the time of 50 trials, and the
best trial is as good.
"""


@dataclass(frozen=True)
class TuningResult:
    """The best of all trials."""

    parameters: Parameters
    """For `XGBClassifier.set_params`: all of `SPACE`, and `n_estimators` for a fit without early stopping."""
    log_loss: float
    """As in `Trial`; it is optimistic, because it is the best of many trials on the same rows."""
    trials: int
    """Number of finished trials, including pruned ones."""
    pruned: int


def tune(  # noqa: PLR0913  # all but the first four are named
    classifier: XGBClassifier,
    matrix: Matrix,
    churned: Labels,
    folds: Sequence[Fold],
    *,
    customers: npt.NDArray[np.int64] | None = None,
    trials: int,
    storage: Path,
    on_trial: Callable[[Trial], None],
    judge_elsewhere: Judge | None = None,
) -> TuningResult:
    """Search until `trials` trials, at least 1, are finished, and return the best one.

    The first trial has the classifier's own parameters. The classifier is unfitted and provides what is not searched:
    `random_state`, which seeds everything, threads and constraints. Trials are stored in an SQLite file under a digest
    of all that they depend on. A search that was interrupted, or gets more trials, continues there, and finds the same
    result as a search that was never interrupted; an interrupted trial is repeated. `on_trial` is called for new trials
    only. `judge_elsewhere` computes what `judge` does in other processes; None computes it in this one.

    Raises:
        StudyUnusable: the file cannot be read or written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    given = classifier.get_params()
    own = {name: default if given[name] is None else given[name] for name, (_, default) in SPACE.items()}
    space = {name: _widened(around, own[name]) for name, (around, _) in SPACE.items()}
    evaluate = judge_elsewhere or (lambda one: judge(one, matrix, churned, folds, customers))
    name = digest(classifier, matrix, churned, folds, search=(space, UNPRUNED_TRIALS, UNPRUNED_FOLDS))
    with _translated(storage):
        study = _open(storage, name)
        finished = len(study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED)))
    for done in range(finished, trials):
        with _translated(storage):
            study.sampler = _sampler(given["random_state"], done)
            if done == 0:
                study.enqueue_trial(own)
            trial = study.ask(space)
            judged = evaluate(clone(classifier).set_params(**trial.params))
            found = _finish(trial, judged, folds=len(folds))
        on_trial(_told(found))
    with _translated(storage):
        results = [_told(found) for found in study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))[:trials]]
    losses = {number: trial.log_loss for number, trial in enumerate(results) if trial.log_loss is not None}
    best = min(losses, key=lambda number: losses[number])
    return TuningResult(results[best].parameters, losses[best], trials=trials, pruned=trials - len(losses))


def _widened(around: IntDistribution | FloatDistribution, value: float) -> BaseDistribution:
    low, high = min(around.low, value), max(around.high, value)
    if isinstance(around, IntDistribution):
        return IntDistribution(int(low), int(high))
    return FloatDistribution(low, high, log=around.log and low > 0)


def _sampler(seed: int, done: int) -> TPESampler:
    """Create the sampler of one trial, seeded by the number of finished trials: an interruption changes nothing."""
    own_seed = np.random.SeedSequence([seed, done]).generate_state(1)[0]
    return TPESampler(seed=int(own_seed), constant_liar=False)  # a constant liar would count interrupted trials


def _finish(trial: optuna.Trial, judged: Iterator[tuple[float, int]], *, folds: int) -> FrozenTrial:
    losses, trees = [], []
    for loss, best in judged:
        losses.append(loss)
        trees.append(best)
        trial.report(fmean(losses), step=len(losses))
        if len(losses) < folds and _trails(trial.study, fmean(losses), step=len(losses)):
            break
    trial.set_user_attr("n_estimators", round(fmean(trees)))
    if len(losses) < folds:
        return trial.study.tell(trial, state=TrialState.PRUNED)
    return trial.study.tell(trial, fmean(losses))


def _trails(study: optuna.Study, mean: float, *, step: int) -> bool:
    """Return whether a trial is worse than the median of the complete ones, over the folds evaluated so far.

    Optuna's MedianPruner is not used: it compares the best step of the trial with the current step of the others, so
    one easy fold would hide all other folds.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ready = step >= UNPRUNED_FOLDS and len(complete) >= UNPRUNED_TRIALS
    return ready and mean > median(trial.intermediate_values[step] for trial in complete)


def _told(trial: FrozenTrial) -> Trial:
    loss = None if trial.state == TrialState.PRUNED else trial.value
    return Trial(trial.number, trial.params | trial.user_attrs, loss)


def _open(path: Path, name: str) -> optuna.Study:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = RDBStorage(f"sqlite:///{path}", engine_kwargs={"poolclass": NullPool})  # leaves no connection open
    return optuna.create_study(study_name=name, storage=kept, load_if_exists=True)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        # RuntimeError: the file is from a newer version of Optuna.
        raise StudyUnusable(path=path, problem=cause(error)) from error
