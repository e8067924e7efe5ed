"""One trial of a parameter search: fits the served model on the folds, and measures its log loss."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

from models.customer.contract import Labels, Mask, Matrix
from training.data import grouping
from training.learning.linear_trees import LinearTrees

Parameters = dict[str, int | float]
Fold = tuple[Mask, npt.NDArray[np.int64]]
"""A mask of the rows to train on, and the positions of the held-out rows."""
Judge = Callable[[XGBClassifier], Iterator[tuple[float, int]]]
"""What `judge` does with a classifier, on rows that are known already."""

MOST_TREES, PATIENCE_TREES = 1_000, 40
EARLY_STOPPING = {"n_estimators": MOST_TREES, "early_stopping_rounds": PATIENCE_TREES, "eval_metric": "logloss"}
STOPPING_FRACTION = 0.15


@dataclass(frozen=True)
class Trial:
    """The result of one trial."""

    number: int
    parameters: Parameters
    """All searched parameters, and `n_estimators`."""
    log_loss: float | None
    """Mean over the held-out rows of the folds; `None` if the trial was pruned. Compare it with other trials only: a
    model that is fitted on all training rows of a fold has a lower log loss."""

    @property
    def state(self) -> Literal["complete", "pruned"]:
        """How the trial ended."""
        return "pruned" if self.log_loss is None else "complete"


def judge(
    classifier: XGBClassifier,
    matrix: Matrix,
    churned: Labels,
    folds: Sequence[Fold],
    customers: npt.NDArray[np.int64] | None = None,
) -> Iterator[tuple[float, int]]:
    """Fit a classifier on one fold after another; yields the log loss on its held-out rows, and its number of trees.

    Early stopping chooses that number on a part of the training rows that is not fitted on. The held-out rows are used
    for evaluation only. The classifier's `n_estimators` is ignored; its `random_state` must be an integer.
    """
    grown = clone(classifier).set_params(**EARLY_STOPPING)
    for mask, held_out in folds:
        kept = np.flatnonzero(mask)
        if customers is None:
            fitted, watched = train_test_split(
                kept, test_size=STOPPING_FRACTION, stratify=churned[kept], random_state=grown.random_state
            )
        else:  # rows of a customer stay together
            parts = grouping.hold_out(
                churned[kept], customers[kept], fraction=STOPPING_FRACTION, seed=grown.random_state
            )
            fitted, watched = (kept[rows] for rows in parts)
        grown.fit(matrix[fitted], churned[fitted], eval_set=[(matrix[watched], churned[watched])], verbose=False)
        probability = grown.predict_proba(matrix[held_out])[:, 1].astype(np.float64)  # with the best number of trees
        yield float(log_loss(churned[held_out], probability)), grown.best_iteration + 1


def digest(classifier: XGBClassifier, matrix: Matrix, churned: Labels, folds: Sequence[Fold], *, search: object) -> str:
    """Compute a digest, 16 hex digits, of all that trials depend on; `search` by its `repr`, threads left out."""
    asked = {name: value for name, value in classifier.get_params().items() if name != "n_jobs"}
    of_class = (LinearTrees.__name__,) if isinstance(classifier, LinearTrees) else ()
    found = hashlib.sha256(repr((asked, search, EARLY_STOPPING, STOPPING_FRACTION, *of_class)).encode())
    for array in (matrix, churned, *chain.from_iterable(folds)):
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()[:16]
