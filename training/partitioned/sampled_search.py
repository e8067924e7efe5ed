"""Chooses the parameters of a fit in parts: on the sample, but for the number of trees, which all rows decide.

A trial depends on the results of those before it, and its folds do not depend on each other. So each fold of a trial is
a task of its own, and the search finds the same on any number of workers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sklearn.base import clone
from xgboost import XGBClassifier

from models.bundles.manifest import Tuning
from models.customer.contract import Labels, Matrix
from models.progress import Progress
from training.data.splitting import Folds, Rows
from training.learning import parameter_search, presets, trial
from training.learning.model import PARAMETERS
from training.learning.trial import Judge, Parameters, Trial
from training.partitioned.executor import Executor
from training.partitioned.preparation import SnappedRows
from training.settings import FitSettings


@dataclass(frozen=True)
class _Sample:
    """It is sent to the workers once; a task has the classifier and the number of a fold."""

    matrix: Matrix
    churned: Labels
    folds: Folds
    customers: Rows | None


def run(
    make: Callable[[Parameters], XGBClassifier],
    rows: tuple[Matrix, Labels, Folds, Rows | None],
    *,
    table: SnappedRows,
    settings: FitSettings,
    progress: Progress,
    on_trial: Callable[[Trial], None],
) -> tuple[Parameters, Tuning | None]:
    """Return the parameters, and what the search found, as `parameter_search.run` does; `rows` are the sample."""
    parameters, tuned = parameter_search.run(
        make,
        rows,
        settings=settings,
        progress=progress,
        on_trial=on_trial,
        in_parts=True,
        judge_elsewhere=judge(table.executor, *rows) if settings.trials else None,
    )
    if table.are_sampled and (tuned or parameters != PARAMETERS):
        progress.stage("finding the number of trees")
        parameters = {**parameters, "n_estimators": best_trees(make(parameters), table, searched=tuned is not None)}
    return parameters, tuned


def judge(executor: Executor, matrix: Matrix, churned: Labels, folds: Folds, customers: Rows | None = None) -> Judge:
    """Return what judges a classifier on these rows as `trial.judge` does, each fold in a task of its own."""
    shared = executor.share(_Sample(matrix, churned, folds, customers))

    def evaluate(classifier: XGBClassifier) -> Iterator[tuple[float, int]]:
        return executor.spread(_judge_fold, shared, [(classifier, fold) for fold in range(len(folds))])

    return evaluate


def best_trees(classifier: XGBClassifier, table: SnappedRows, *, searched: bool) -> int:
    """Return the number of trees with the lowest loss of the rows that the first fold holds out of all training rows.

    It has the limits that it had on the sample: those of a search, or of a preset.
    """
    limits = trial if searched else presets
    limited = {"n_estimators": limits.MOST_TREES, "early_stopping_rounds": limits.PATIENCE_TREES}
    return table.best_trees(clone(classifier).set_params(**limited))


def _judge_fold(sample: _Sample, asked: tuple[XGBClassifier, int]) -> tuple[float, int]:
    classifier, fold = asked
    [found] = trial.judge(classifier, sample.matrix, sample.churned, [sample.folds[fold]], sample.customers)
    return found
