"""Draws customers for a bootstrap, each with all rows: rows of one customer resemble each other.

Intervals of a bootstrap that draws such rows one by one are too narrow.
"""

import numpy as np

from models.customer.contract import Labels, Vector


def numbered(customers: Labels | None) -> Labels | None:
    """Number the customers of rows (n,) from 0; None if each row is of a customer of its own."""
    if customers is None:
        return None
    different, of_row = np.unique(customers, return_inverse=True)
    return None if len(different) == len(customers) else of_row.astype(np.int64)


def counts(cells: Labels, of_cells: int, of_row: Labels, *, resamples: int, seed: int) -> Vector:
    """Count the rows of each cell in each resample, (resamples, of_cells).

    `cells` (n,) has the cell of each row, and `of_row` (n,) its customer, from `numbered`. In each resample every
    customer counts as often as a draw from a Poisson distribution says. It takes 10 ns for each row and resample.
    """
    rng, customers = np.random.default_rng(seed), int(of_row.max()) + 1
    drawn = np.empty((resamples, of_cells))
    for resample in drawn:
        resample[:] = np.bincount(cells, weights=rng.poisson(1, customers)[of_row], minlength=of_cells)
    return drawn


def deviation_of_mean(rows: Vector, of_row: Labels | None) -> float:
    """Return the standard deviation of the mean of rows (n,), which of one customer may resemble each other.

    The formula for clusters is that of Liang and Zeger 1986.
    """
    if of_row is None:
        return float(rows.std(ddof=1)) / float(np.sqrt(len(rows)))
    sums = np.bincount(of_row, weights=rows - rows.mean())
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1))) / len(rows)
