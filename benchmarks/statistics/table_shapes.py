"""Tables of differing shapes on which fits are compared: their rows are drawn from a population, as many as asked."""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.datasets import make_classification

from models.customer.contract import Labels, Matrix, Vector
from models.features import CONTRACT
from training.data import synthetic

Table = tuple[Matrix, Labels]
Draw = Callable[[int, int], Table]
"""Draws a number of rows with a seed."""


def many_regions(rows: int, seed: int, regions: int = 250) -> Table:
    """Draw customers who churn by where they are, in small regions of eight columns; four columns say nothing."""
    rng = np.random.default_rng(seed)
    centres, churns = rng.integers(0, 30, size=(regions, 8)), rng.random(regions) < 1 / 6
    region = rng.integers(0, regions, rows)
    near, noise = centres[region] + rng.integers(-1, 2, size=(rows, 8)), rng.integers(0, 5, (rows, 4))
    churned = np.where(rng.random(rows) < 0.03, rng.random(rows) < 1 / 6, churns[region])
    return np.hstack([near, noise]).astype(np.float32), churned.astype(np.int64)


def additive(rows: int, seed: int) -> Table:
    """Draw twelve columns, of which four add up to the log-odds: the truth of a logistic regression."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 12))
    return _outcomes(matrix, matrix[:, :4].sum(axis=1) - 1.5, rng)


def interactions(rows: int, seed: int) -> Table:
    """Draw ten columns, of which three pairs count only together, by whether their signs are equal."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 10))
    return _outcomes(matrix, 1.2 * np.sign(matrix[:, 0:6:2] * matrix[:, 1:6:2]).sum(axis=1) - 1.5, rng)


def clusters(rows: int, seed: int) -> Table:
    """Draw twenty columns, fifteen of which place twelve clusters of customers."""
    matrix, churned = make_classification(
        rows, 20, n_informative=15, n_redundant=2, n_clusters_per_class=6, weights=[0.84], random_state=seed
    )
    return matrix.astype(np.float32), churned.astype(np.int64)


def customers(rows: int, seed: int) -> Table:
    """Draw the synthetic customers of `make train`."""
    drawn, _ = synthetic.sample(rows, seed=seed)
    return CONTRACT.to_matrix(drawn), drawn["churned"].to_numpy()


def _outcomes(matrix: Vector, log_odds: Vector, rng: np.random.Generator) -> Table:
    churned = rng.random(len(matrix)) < 1 / (1 + np.exp(-log_odds))
    return matrix.astype(np.float32), churned.astype(np.int64)


SHAPES: Mapping[str, tuple[int, Draw]] = {
    "small, additive": (500, additive),
    "additive": (3_000, additive),
    "interactions": (3_000, interactions),
    "many regions": (3_000, many_regions),
    "many columns in clusters": (3_000, clusters),
    "many columns in clusters, larger": (8_000, clusters),
    "synthetic customers": (3_000, customers),
}
"""Rows and draw of each shape, by its name."""
