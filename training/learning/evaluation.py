"""Evaluates algorithms on held-out training rows: by cross-validation, and with other seeds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import train_test_split

from models.bundles import quality
from models.bundles.manifest import Confusion, MetricSpread
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Matrix, Vector
from training.data import grouping
from training.data.splitting import TEST_FRACTION, Folds, Rows

METRICS = ("roc_auc", "pr_auc", "brier", "log_loss", "calibration_error")
"""Metrics that need no decision threshold, because it is not chosen yet."""
SEEDS = 10
COMPARED_ROWS = 20_000
"""Most rows that simpler models are trained on in a fold, and that a repetition uses: enough for their figures."""
Fit = Callable[[BaseEstimator, int | None], BaseEstimator]
"""Fits a copy of a classifier without the rows that a fold holds out; None for all training rows."""


@dataclass(frozen=True)
class OutOfFold:
    """The out-of-fold probabilities of an algorithm."""

    folds: Folds
    probability: Sequence[Vector]

    @property
    def rows(self) -> Rows:
        """Positions of the held-out rows, in the order of `whole` and `fold`."""
        return np.concatenate([held_out for _, held_out in self.folds])

    @property
    def whole(self) -> Vector:
        """The probabilities of all held-out rows."""
        return np.concatenate(self.probability)

    @property
    def fold(self) -> Rows:
        """The fold number of each held-out row, from 0."""
        return np.repeat(np.arange(len(self.folds)), [len(held_out) for _, held_out in self.folds])

    def measure(self, churned: Labels) -> list[dict[str, float]]:
        """Compute the metrics on each fold."""
        return [
            measure(probability, churned[held_out])
            for (_, held_out), probability in zip(self.folds, self.probability, strict=True)
        ]


def measure(probability: Vector, churned: Labels) -> dict[str, float]:
    """Compute the metrics that need no threshold."""
    found = quality.exact(probability, churned, RiskPolicy())
    return {name: found[name] for name in METRICS}


def cross_validate(  # noqa: PLR0913  # all but the first four are named
    candidates: Mapping[str, BaseEstimator],
    matrix: Matrix,
    churned: Labels,
    folds: Folds,
    *,
    served: str,
    seed: int,
    on_fit: Callable[[], None],
    fit_served: Fit | None = None,
) -> dict[str, OutOfFold]:
    """Fit every candidate on the same folds; all but the served one are trained on at most 20,000 rows of each.

    `fit_served` fits the served one on rows that the matrix does not have. `on_fit` is called after each fit.
    """
    whole = [kept for kept, _ in folds]
    few = [np.flatnonzero(kept)[subsample(kept.sum(), seed=seed, most=COMPARED_ROWS)] for kept in whole]
    found = {}
    for name, candidate in candidates.items():
        trained_on = whole if name == served else few
        probability = []
        for number, (kept, (_, held_out)) in enumerate(zip(trained_on, folds, strict=True)):
            if fit_served is not None and name == served:
                fitted = fit_served(candidate, number)
            else:
                fitted = clone(candidate).fit(matrix[kept], churned[kept])
            probability.append(predict(fitted, matrix[held_out]))
            on_fit()
        found[name] = OutOfFold(folds, probability)
    return found


def repeat(
    make: Callable[[int], BaseEstimator],
    matrix: Matrix,
    churned: Labels,
    customers: Rows | None = None,
    *,
    seed: int,
    on_fit: Callable[[], None],
) -> Iterator[dict[str, float]]:
    """Split the rows at random and fit again with each of the next ten seeds; yields the metrics of each.

    `customers` has the customer of each row, whose rows stay together; None if each row is a customer of its own.
    """
    for other in range(seed + 1, seed + 1 + SEEDS):
        rows = subsample(len(churned), seed=other, most=COMPARED_ROWS)
        kept, held_out = _hold_out(rows, churned, customers, seed=other)
        probability = predict(make(other).fit(matrix[kept], churned[kept]), matrix[held_out])
        on_fit()
        yield measure(probability, churned[held_out])


def _hold_out(rows: Rows, churned: Labels, customers: Rows | None, *, seed: int) -> tuple[Rows, Rows]:
    if customers is None:
        kept, held_out = train_test_split(rows, test_size=TEST_FRACTION, stratify=churned[rows], random_state=seed)
        return kept, held_out
    kept, held_out = grouping.hold_out(churned[rows], customers[rows], fraction=TEST_FRACTION, seed=seed)
    return rows[kept], rows[held_out]


def subsample(rows: int, *, seed: int, most: int) -> Rows:
    """Sample the positions of at most `most` of `rows` rows; all of them, in order, if there are no more."""
    if rows <= most:
        return np.arange(rows)
    return np.random.default_rng(seed).choice(rows, most, replace=False)


def predict(fitted: BaseEstimator, matrix: Matrix) -> Vector:
    """Return the probability of churn of each row, (n,) float64 in [0, 1]."""
    return np.asarray(fitted.predict_proba(matrix)[:, 1], dtype=np.float64)


def summarise(fits: Sequence[Mapping[str, float]]) -> dict[str, MetricSpread]:
    """Compute mean, sample standard deviation and the interval of the mean of each metric over several fits.

    The fits share rows, so the interval is too narrow (Bengio and Grandvalet 2004).
    """
    table = pd.DataFrame(fits)
    reach = float(stats.t.ppf(0.975, len(table) - 1)) / np.sqrt(len(table))
    return {
        name: MetricSpread(mean=mean, deviation=deviation, low=mean - reach * deviation, high=mean + reach * deviation)
        for name, mean, deviation in zip(table.columns, table.mean().tolist(), table.std().tolist(), strict=True)
    }


def confusion(churned: Labels, probability: Vector, policy: RiskPolicy) -> Confusion:
    """Count customers by decision and outcome."""
    stayed_low, stayed_high, churned_low, churned_high = np.bincount(
        2 * churned + (probability >= policy.threshold), minlength=4
    ).tolist()
    return Confusion(
        true_negatives=stayed_low,
        false_positives=stayed_high,
        false_negatives=churned_low,
        true_positives=churned_high,
    )
