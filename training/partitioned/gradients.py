"""Gradients and losses on a fixed grid, so that their sums depend on no order of the rows.

A multiple of 2^-22 between -1 and 1 is exact in the float32 of XGBoost's gradients, and a sum of 2^30 of them is exact
in the float64 of its histograms. So the sum of a node is the same whatever the order of the rows, the threads and the
processes.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from xgboost import collective

from models.customer.contract import Mask

Margins = npt.NDArray[np.float32]
"""(n,) log-odds."""
_FINEST, _EXACT_BITS = 22, 52
_LOSS_GRID = float(2**20)
_CHUNK_ROWS = 2**17
"""Rows that are computed at once, which bounds the memory of temporary arrays."""


def grid(rows: int) -> float:
    """Return the steps of the grid in 1, a power of two: 2^22, and fewer for a table of more than 2^30 rows."""
    return float(2 ** min(_FINEST, _EXACT_BITS - (rows - 1).bit_length()))


def write(into: tuple[Margins, Margins], margins: Margins, churned: Mask, drawn: Mask | None, *, steps: float) -> None:
    """Write gradients and hessians of the log loss, (n,) each; both are 0 for rows that are not drawn.

    No hessian of a drawn row is rounded to 0. `drawn` is None if all rows are drawn.
    """
    gradients, hessians = into
    for rows in _chunks(len(margins)):
        probability = expit(margins[rows].astype(np.float64))
        gradient = np.rint((probability - churned[rows]) * steps)
        hessian = np.maximum(np.rint(probability * (1 - probability) * steps), 1)
        if drawn is not None:
            gradient, hessian = gradient * drawn[rows], hessian * drawn[rows]
        gradients[rows], hessians[rows] = gradient / steps, hessian / steps


def log_loss(margins: Margins, churned: Mask) -> int:
    """Return the sum of the log losses of all rows, in steps of 2^-20."""
    total = 0
    for rows in _chunks(len(margins)):
        against = np.where(churned[rows], -1.0, 1.0) * margins[rows]
        total += int(np.rint(np.logaddexp(0, against) * _LOSS_GRID).astype(np.int64).sum())
    return total


def mean_loss(total: int, rows: int) -> float:
    """Return the mean of a sum of `log_loss`."""
    return total / _LOSS_GRID / rows


def total(*counts: int) -> list[int]:
    """Add up counts over the processes of the group of `xgboost.collective`, if there is one."""
    if not collective.is_distributed():
        return list(counts)
    return [int(count) for count in collective.allreduce(np.array(counts, dtype=np.int64), collective.Op.SUM)]


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK_ROWS) for start in range(0, rows, _CHUNK_ROWS))
