"""Fits the served model on snapped parts, in one process or in several that each hold some of the parts.

The trees are the same, bit for bit, whatever the order of rows, the parts, the processes and the threads:

- All sums are exact: gradients and losses lie on a fixed grid.
- The candidates of a split are the edges. Each process adds rows that have every edge and no weight, because XGBoost
  takes its candidates from the values that it sees.
- The rows of a tree are drawn by their hash, not by XGBoost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from xgboost import Booster, DataIter, QuantileDMatrix, XGBClassifier, collective

from models.customer.contract import Mask, Matrix
from models.progress import Lines
from training.data.hashing.selection import Drawn, Selection
from training.partitioned import gradients, matrix_columns
from training.partitioned.executor import Executor, InProcess
from training.partitioned.gradients import Margins
from training.partitioned.matrix_columns import MatrixColumns
from training.partitioned.snapped_part import MISSING, MOST_EDGES, Edges, SnappedPart

_BINS = MOST_EDGES + 1
_BATCH_ROWS = 500_000  # of a file of text, which is one part however large it is
_ROWS_OF_A_THREAD = 2_000_000  # it saves 4 bytes of each row, and starting it costs a tenth of a small fit


@dataclass(frozen=True)
class Plan:
    """All that a process must know besides its parts."""

    parameters: Mapping[str, Any]
    """Of XGBoost's booster, without those that follow."""
    trees: int
    patience: int | None
    """Trees without a lower loss of the watched rows after which boosting stops; None if it does not stop early."""
    subsample: float
    seed: int
    edges: Edges
    trained: Selection
    watched: Selection | None


@dataclass(frozen=True)
class Boosted:
    """What boosting gives; it is the same in every process."""

    model: bytes
    """In XGBoost's own format, with the best number of trees."""
    trees: int
    log_loss: float | None
    """Mean over the watched rows; None without them."""


def fit(
    classifier: XGBClassifier,
    parts: Sequence[Any],
    edges: Edges,
    *,
    trained: Selection,
    watched: Selection | None = None,
    executor: Executor | None = None,
) -> XGBClassifier:
    """Return a copy of an unfitted classifier, fitted on the selected rows of snapped parts.

    `parts` are SnappedParts, or what `executor.map` with `keep` yielded for them; without an executor they are in this
    process. With `watched` rows and the classifier's `early_stopping_rounds`, the number of trees is the best one for
    these rows. `random_state` must be an integer.
    """
    planned = plan(classifier, edges, trained=trained, watched=watched)
    boosted = (executor or InProcess()).together(partial(boost, plan=planned), parts)
    return load(classifier, boosted)


def plan(classifier: XGBClassifier, edges: Edges, *, trained: Selection, watched: Selection | None) -> Plan:
    """Return the plan of a fit with a classifier's parameters."""
    given = {name: value for name, value in classifier.get_xgb_params().items() if value is not None}
    subsample = given.pop("subsample", 1)
    own = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_bin": _BINS,
        "seed_per_iteration": True,  # as XGBoost does with several processes; it draws the columns of a tree
    }
    return Plan(
        parameters=given | own,
        trees=classifier.get_num_boosting_rounds(),
        patience=classifier.early_stopping_rounds,
        subsample=subsample,
        seed=int(given["random_state"]),
        edges=edges,
        trained=trained,
        watched=watched,
    )


def load(classifier: XGBClassifier, boosted: Boosted) -> XGBClassifier:
    """Return a copy of an unfitted classifier with these trees."""
    fitted: XGBClassifier = clone(classifier)
    fitted.load_model(bytearray(boosted.model))
    fitted.set_params(base_score=classifier.base_score)  # as in an unfitted one, so that it can be cloned
    return fitted


def boost(parts: Sequence[SnappedPart], plan: Plan) -> Boosted:
    """Boost on the parts of this process, together with the other processes of its group if there are any."""
    columns = matrix_columns.choose(plan.edges, _has_missing(parts, plan.edges), plan.parameters)
    trained = _Rows(parts, columns, plan.trained)
    watched = _Rows(parts, columns, plan.watched, like=trained.matrix) if plan.watched else None
    rows, churned = gradients.total(trained.rows, trained.churned)
    known = [trained.matrix] if watched is None else [trained.matrix, watched.matrix]
    booster = Booster({**columns.parameters(plan.parameters), "base_score": churned / rows}, known)
    grow = _Growing(booster, trained, plan, gradients.grid(rows))
    if watched is None:
        for tree in range(plan.trees):
            grow(tree)
        return Boosted(columns.saved(booster, trained.matrix), plan.trees, None)
    best, loss = _watch(grow, watched, plan)
    model = columns.saved(booster[: best + 1], trained.matrix)
    return Boosted(model, best + 1, gradients.mean_loss(loss, gradients.total(watched.rows)[0]))


def _has_missing(parts: Sequence[SnappedPart], edges: Edges) -> list[bool]:
    """Return whether any process has missing values, by column."""
    missing = np.zeros(len(edges), dtype=np.int64)
    for part in parts:
        missing += (part.codes == MISSING).sum(axis=0)
    return [rows > 0 for rows in gradients.total(*missing.tolist())]


def _watch(grow: "_Growing", watched: "_Rows", plan: Plan) -> tuple[int, int]:
    """Grow trees until the loss of the watched rows falls no more; return the best tree and the sum of the losses."""
    best, least = 0, -1
    for tree in range(plan.trees):
        grow(tree)
        [loss] = gradients.total(watched.log_loss(grow.booster))
        if least < 0 or loss < least:
            best, least = tree, loss
        elif plan.patience is not None and tree - best >= plan.patience:
            break
    return best, least


class _Growing:
    """Adds one tree after another to a booster."""

    def __init__(self, booster: Booster, trained: "_Rows", plan: Plan, steps: float) -> None:
        self.booster, self._trained, self._plan, self._steps = booster, trained, plan, steps
        # The rows of the edges keep gradients and hessians of 0.
        self._gradients, self._hessians = (np.zeros(trained.matrix.num_row(), dtype=np.float32) for _ in range(2))
        self._lines = Lines()

    def __call__(self, tree: int) -> None:
        """Add a tree."""
        self._compute_gradients(tree)
        self.booster.boost(self._trained.matrix, tree, grad=self._gradients, hess=self._hessians)
        self._lines.tell(f"trees grown: {tree + 1:,}")

    def _compute_gradients(self, tree: int) -> None:
        """Compute the gradients for a tree; the margins are freed before it grows, which takes the most memory."""
        plan = self._plan
        drawn = Drawn(f"{plan.seed}/tree/{tree}", plan.subsample) if plan.subsample < 1 else None
        margins = self._predict_margins()
        for rows, part, chosen in self._trained.located():
            gradients.write(
                (self._gradients[rows], self._hessians[rows]),
                margins[rows],
                part.churned[chosen],
                drawn.of(part.hashes)[chosen] if drawn else None,
                steps=self._steps,
            )

    def _predict_margins(self) -> Margins:
        """Predict many rows in a thread that ends, because XGBoost keeps a copy of the predictions for each thread."""
        predict = partial(self.booster.predict, self._trained.matrix, output_margin=True, training=True)
        if collective.is_distributed() or self._trained.rows < _ROWS_OF_A_THREAD:  # only this thread knows the group
            return predict()
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(predict).result()


class _Rows:
    """The selected rows of parts, as a matrix for XGBoost whose first rows are those of the edges."""

    def __init__(
        self,
        parts: Sequence[SnappedPart],
        columns: MatrixColumns,
        selection: Selection,
        *,
        like: QuantileDMatrix | None = None,
    ) -> None:
        some = (few for part in parts for few in part.sliced(_BATCH_ROWS))
        self._parts = [(part, selection.of(part.hashes)) for part in some]
        every_edge = columns.every_edge()
        self._first = len(every_edge)
        self.rows = sum(int(chosen.sum()) for _, chosen in self._parts)
        self.churned = sum(int((part.churned & chosen).sum()) for part, chosen in self._parts)
        self.matrix = QuantileDMatrix(_Batches(every_edge, self._parts, columns), max_bin=_BINS, ref=like)

    def located(self) -> Iterator[tuple[slice, SnappedPart, Mask]]:
        """Yield each part with the place of its selected rows in the matrix, and their mask."""
        start = self._first
        for part, chosen in self._parts:
            end = start + int(chosen.sum())
            yield slice(start, end), part, chosen
            start = end

    def log_loss(self, booster: Booster) -> int:
        """Return the sum of the log losses of these rows."""
        margins = booster.predict(self.matrix, output_margin=True)
        return sum(gradients.log_loss(margins[rows], part.churned[chosen]) for rows, part, chosen in self.located())


class _Batches(DataIter):
    """Gives XGBoost one part after another as float32, so that no more than one part is in memory as that."""

    def __init__(self, every_edge: Matrix, parts: Sequence[tuple[SnappedPart, Mask]], columns: MatrixColumns) -> None:
        self._every_edge, self._parts = every_edge, [one for one in parts if one[1].any()]
        self._columns = columns
        self._given = 0
        super().__init__()

    def reset(self) -> None:
        """Begin again: XGBoost reads the rows several times."""
        self._given = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        """Give the next batch; return whether there was one."""
        if self._given > len(self._parts):
            return False
        if self._given == 0:
            input_data(data=self._every_edge)
        else:
            part, chosen = self._parts[self._given - 1]
            some = SnappedPart(part.codes[chosen], part.churned[chosen], part.hashes[chosen])
            input_data(data=self._columns.values(some))
        self._given += 1
        return True
