"""Chooses the parameters of a fit among few presets, by their log loss on the folds of the training rows.

All presets are judged on the same held-out rows. The number of trees of a preset is the one with the lowest loss of all
folds together: the boosters of the folds grow side by side. The usual parameters stay unless another preset is better
by more than one standard error of the difference (Breiman 1984), so a table that gains nothing keeps its model.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.base import clone
from xgboost import Booster, DMatrix, QuantileDMatrix, XGBClassifier

from models.bundles import resampling
from models.customer.contract import Labels, Matrix, Vector
from training.data.splitting import Folds, Rows
from training.learning import evaluation, linear_trees
from training.learning.linear_trees import LinearTrees
from training.learning.model import LINEAR_TREES, PARAMETERS
from training.learning.trial import Parameters

USUAL, LINEAR = "usual", "linear"
OTHERS: Mapping[str, Parameters] = {
    "shallow": {"max_depth": 3, "learning_rate": 0.1},
    "deep": {"max_depth": 7, "learning_rate": 0.1, "min_child_weight": 1, "reg_lambda": 5},
    LINEAR: {LINEAR_TREES: 1, "max_depth": 3, "learning_rate": 0.1},
}
"""What each other preset changes, in the order in which they are preferred.

Linear trees are as many as columns. Their other parameters are those of the trees that a search adds.
"""
STEP_TREES, PATIENCE_TREES, MOST_TREES = 10, 30, 300
"""Trees between two looks at the loss, trees without a lower loss after which a preset ends, and most trees."""
_LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class _Judged:
    parameters: Parameters
    losses: Vector
    """Log loss of each held-out row of all folds."""

    @property
    def loss(self) -> float:
        """The mean log loss."""
        return float(self.losses.mean())


def _parameters(name: str, columns: int) -> Parameters:
    """Return the parameters of a preset for a matrix of so many columns."""
    found = dict(PARAMETERS) | OTHERS.get(name, {})
    return found | {"n_estimators": columns} if found.get(LINEAR_TREES) else found


def names() -> tuple[str, ...]:
    """Return the names of the presets."""
    return (USUAL, *OTHERS)


def name_of(parameters: Mapping[str, int | float]) -> str | None:
    """Return the name of the preset that has these parameters, whatever its number of trees; None for no preset."""
    for name in names():
        own = {LINEAR_TREES: None, **PARAMETERS, **OTHERS.get(name, {})}
        if all(parameters.get(key) == value for key, value in own.items() if key != "n_estimators"):
            return name
    return None


def choose(  # noqa: PLR0913  # all but the first four are named
    make: Callable[[Parameters], XGBClassifier],
    matrix: Matrix,
    churned: Labels,
    folds: Folds,
    *,
    customers: Rows | None = None,
    without: Collection[str] = (),
    seed: int,
    threads: int,
    on_fit: Callable[[], None],
    most_rows: int = evaluation.COMPARED_ROWS,
) -> Parameters:
    """Return the parameters of the simplest preset that is as good as the best, with their number of trees.

    `make` builds the classifier. Each fold is trained on at most `most_rows` of its rows, with one thread for each, so
    that the number of `threads` changes nothing. `customers` has the customer of each row, whose rows resemble each
    other; None if each row is of a customer of its own. `without` are presets that are left out. `on_fit` is called
    after each preset. Where linear trees are best on a sample, they, the usual preset and the best other one are judged
    on all rows: other trees learn more from more rows, but a regression does not.
    """
    if len(churned) > linear_trees.MOST_ROWS:
        without = {*without, LINEAR}
    fold_rows = partial(_Folds, matrix, churned, folds, seed=seed, threads=threads)
    growing = fold_rows(most_rows=most_rows)
    of_row = None if customers is None else resampling.numbered(customers[growing.rows])
    judged = {}
    for name in names():
        if name not in without:
            parameters = _parameters(name, matrix.shape[1])
            judged[name] = growing.judge(make(parameters), parameters, searches=name != USUAL)
        on_fit()
    chosen = _simplest(judged, of_row)
    if chosen == LINEAR and growing.are_a_sample:
        rival = min({*judged} - {LINEAR}, key=lambda name: judged[name].loss)
        whole = fold_rows(most_rows=len(churned))
        again = {}
        for name in dict.fromkeys((USUAL, rival, LINEAR)):
            parameters = judged[name].parameters
            again[name] = judged[name] = whole.judge(make(parameters), parameters, searches=name != USUAL)
        chosen = _simplest(again, of_row)
    return judged[chosen].parameters


def _simplest(judged: Mapping[str, _Judged], of_row: Labels | None) -> str:
    """Return the first preset that is as good as the best."""
    best = min(judged.values(), key=lambda one: one.loss)
    return next(name for name, one in judged.items() if is_as_good(one.losses - best.losses, of_row))


def is_as_good(worse_by: Vector, of_row: Labels | None) -> bool:
    """Return whether a mean loss is higher by at most one standard error; `of_row` numbers the customers of rows."""
    return bool(worse_by.mean() <= resampling.deviation_of_mean(worse_by, of_row))


class _Folds:
    """The rows of the folds, as XGBoost takes them."""

    def __init__(
        self, matrix: Matrix, churned: Labels, folds: Folds, *, seed: int, threads: int, most_rows: int
    ) -> None:
        kept = [
            np.flatnonzero(mask)[evaluation.subsample(int(mask.sum()), seed=seed, most=most_rows)] for mask, _ in folds
        ]
        self.rows = np.concatenate([held_out for _, held_out in folds])
        self.are_a_sample = any(len(rows) < mask.sum() for rows, (mask, _) in zip(kept, folds, strict=True))
        self._table, self._kept, self._held_out_rows = (matrix, churned), kept, [held_out for _, held_out in folds]
        self._threads = threads
        self._trained = [QuantileDMatrix(matrix[rows], churned[rows], nthread=1) for rows in kept]
        self._held_out = [DMatrix(matrix[rows], churned[rows], nthread=1) for _, rows in folds]

    def judge(self, classifier: XGBClassifier, parameters: Parameters, *, searches: bool) -> _Judged:
        """Grow the boosters of all folds, and return the parameters with the best number of trees.

        Without `searches`, the number of trees is that of the parameters. So it is for linear trees: one for each
        column.
        """
        if isinstance(classifier, LinearTrees):
            return _Judged(parameters, self._fit(classifier))
        usual = int(parameters["n_estimators"])
        steps = range(STEP_TREES, MOST_TREES + 1, STEP_TREES) if searches else (usual,)
        best, at = np.array([np.inf]), 0
        for trees, losses in self._grow(classifier, steps):
            if losses.mean() < best.mean():
                best, at = losses, trees
            elif trees - at >= PATIENCE_TREES:
                break
        return _Judged({**parameters, "n_estimators": at}, best)

    def _fit(self, classifier: XGBClassifier) -> Vector:
        """Fit a classifier on each fold, and return the log loss of each held-out row."""
        matrix, churned = self._table

        def fit(kept: Rows, held_out: Rows) -> Vector:
            fitted = clone(classifier).set_params(n_jobs=1).fit(matrix[kept], churned[kept])
            return _losses(evaluation.predict(fitted, matrix[held_out]), churned[held_out])

        with ThreadPoolExecutor(self._threads) as pool:
            return np.concatenate([*pool.map(fit, self._kept, self._held_out_rows)])

    def _grow(self, classifier: XGBClassifier, steps: Iterable[int]) -> Iterator[tuple[int, Vector]]:
        """Yield a number of trees, and the log loss of each held-out row with so many."""
        # XGBoost has one generator in each thread: without a seed for each tree, the boosters would share its draws.
        given = {**classifier.get_xgb_params(), "nthread": 1, "seed_per_iteration": True}
        pairs = list(zip(self._trained, self._held_out, strict=True))
        boosters = [Booster(given, pair) for pair in pairs]
        grown = 0
        with ThreadPoolExecutor(self._threads) as pool:
            for trees in steps:
                more = range(grown, trees)
                yield trees, np.concatenate([*pool.map(partial(_extend, more), boosters, *zip(*pairs, strict=True))])
                grown = trees


def _extend(more: range, booster: Booster, trained: QuantileDMatrix, held_out: DMatrix) -> Vector:
    """Add trees to the booster of a fold, and return the log loss of each held-out row."""
    for tree in more:
        booster.update(trained, tree)
    return _losses(booster.predict(held_out).astype(np.float64), held_out.get_label())


def _losses(probability: Vector, churned: Labels | Vector) -> Vector:
    of_outcome = np.where(churned == 1, probability, 1 - probability)
    return np.asarray(-np.log(np.maximum(of_outcome, _LEAST)))
