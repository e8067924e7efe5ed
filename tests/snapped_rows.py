"""Rows in parts for tests of partitioned fits: few, with missing values and a long tail."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from xgboost import XGBClassifier

from models.customer.contract import Labels, Matrix
from training.data.hashing import row_hash
from training.data.hashing.selection import Drawn, Selection
from training.learning import model
from training.partitioned import snapped_part
from training.partitioned.snapped_part import Edges, SnappedPart

ROWS = 12_000
_TEST, _STOPPING = Drawn("7/test", 0.2), Drawn("7/stopping", 0.15)
TRAINED, TESTED = Selection(outside=(_TEST,)), Selection(inside=(_TEST,))
FITTED, WATCHED = Selection(outside=(_TEST, _STOPPING)), Selection(inside=(_STOPPING,), outside=(_TEST,))
STOPPED = {"n_estimators": 300, "learning_rate": 0.3, "early_stopping_rounds": 20, "colsample_bytree": 0.6}


def draw() -> tuple[Matrix, Labels]:
    """Five columns, a tenth of each missing; the third has a long tail, and where it is missing, more churn."""
    rng = np.random.default_rng(1)
    matrix = np.column_stack(
        [rng.normal(size=ROWS), rng.integers(0, 40, ROWS), rng.lognormal(0, 2, ROWS), *rng.integers(0, 2, (2, ROWS))]
    ).astype(np.float32)
    odds = matrix[:, 0] - 0.05 * matrix[:, 1] + np.sin(matrix[:, 2]) + matrix[:, 3]
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    odds += 2 * np.isnan(matrix[:, 2])
    churned = (rng.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return matrix, churned


def edges_of(matrix: Matrix) -> Edges:
    """Return quantiles as edges; the highest is far below the highest value of the third column."""
    found = []
    for column in matrix.T:
        values = np.unique(column[~np.isnan(column)])
        at = np.linspace(0, len(values), min(len(values), snapped_part.MOST_EDGES), endpoint=False)
        found.append(values[at.astype(int)])
    return found


def part_of(matrix: Matrix, churned: Labels, edges: Edges) -> SnappedPart:
    """Return all rows as one part."""
    hashes = row_hash.mixed(np.arange(len(matrix), dtype=np.uint64))
    return SnappedPart(snapped_part.snap(matrix, edges), churned == 1, hashes)


def shuffled(part: SnappedPart, at: Sequence[int]) -> list[SnappedPart]:
    """Split a part at positions of another order of its rows."""
    order = np.random.default_rng(len(at)).permutation(len(part.hashes))
    return [taken(part, rows) for rows in np.split(order, at)]


def taken(part: SnappedPart, rows: npt.NDArray[np.int64]) -> SnappedPart:
    """Return some rows of a part."""
    return SnappedPart(part.codes[rows], part.churned[rows], part.hashes[rows])


def unfitted(others: Mapping[str, int | float] | None = None, *, threads: int = 1) -> XGBClassifier:
    """Return the served model with constraints, and perhaps other parameters."""
    parameters = {**model.PARAMETERS, **(others or {})}
    return model.served(parameters=parameters, constraints=(1, -1, 0, 0, 0), seed=7, threads=threads)


def trees(fitted: XGBClassifier) -> bytes:
    """Return the trees of a fitted model."""
    return bytes(fitted.get_booster().save_raw("ubj"))
