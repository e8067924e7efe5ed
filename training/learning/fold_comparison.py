"""Tells whether another algorithm surely ranks customers better than the served model on the folds."""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from scipy.stats import rankdata

from models.bundles import resampling
from models.bundles.quality import Figure
from models.customer.contract import Labels, Vector
from training.data.splitting import Rows
from training.learning.evaluation import OutOfFold


def surely_ahead(
    compared: Mapping[str, OutOfFold], served: str, churned: Labels, customers: Rows | None = None
) -> dict[str, Figure]:
    """Return by how much the mean ROC-AUC of other algorithms is higher, for those whose interval is above 0.

    The intervals of all other algorithms hold together in 95 % of samples (Bonferroni). `customers` has the customer
    of each row; None if each row is a customer of its own.
    """
    others = {name: one for name, one in compared.items() if name != served}
    found = {
        name: lead(one, compared[served], churned, customers, comparisons=len(others)) for name, one in others.items()
    }
    return {name: by for name, by in found.items() if by.low > 0}


def lead(
    theirs: OutOfFold, ours: OutOfFold, churned: Labels, customers: Rows | None = None, *, comparisons: int = 1
) -> Figure:
    """Compute the mean difference in ROC-AUC over the folds, with its 95 % interval (DeLong et al. 1988).

    Both are judged on the same rows, so what makes a row difficult for both cancels out. `comparisons` is the
    number of intervals that are to hold at once.
    """
    parts = [_parts(churned[rows], his, own) for (_, rows), his, own in _folds(theirs, ours)]
    values, shares = [value for value, _ in parts], np.concatenate([share for _, share in parts]) / len(parts)
    of_row = None if customers is None else resampling.numbered(customers[ours.rows])
    reach = NormalDist().inv_cdf(1 - 0.025 / comparisons) * len(shares) * resampling.deviation_of_mean(shares, of_row)
    mean = float(np.mean(values))
    return Figure(mean, mean - reach, mean + reach)


def _folds(theirs: OutOfFold, ours: OutOfFold) -> list[tuple[tuple[object, Rows], Vector, Vector]]:
    return list(zip(ours.folds, theirs.probability, ours.probability, strict=True))


def _parts(churned: Labels, theirs: Vector, ours: Vector) -> tuple[float, Vector]:
    """Return the difference in ROC-AUC, and how far each row moves it."""
    placed = _placement(theirs, churned) - _placement(ours, churned)
    value = float(placed[churned == 1].mean())
    return value, (placed - value) / np.where(churned == 1, (churned == 1).sum(), (churned == 0).sum())


def _placement(probability: Vector, churned: Labels) -> Vector:
    """Return for each row the share of rows of the other outcome that it is ranked rightly against; ties count half."""
    placed = np.empty_like(probability)
    ranks = rankdata(probability)
    for outcome in (0, 1):
        own = churned == outcome
        below = ranks[own] - rankdata(probability[own])
        share = below / (~own).sum()
        placed[own] = share if outcome else 1 - share
    return placed
