"""Trees that learn the probabilities of a logistic regression instead of the outcomes.

Where effects only add up, a logistic regression needs far fewer rows than trees that learn from outcomes. Trees that
learn its probabilities are as good, and are stored and served like all others. Each of them splits one column only, so
their sum adds up, too. A value that is missing only later counts as the regression counts it: as the median.
"""

from typing import Any, Self

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from models.customer.contract import Labels, Matrix

MOST_ROWS = 20_000
"""Most training rows of a table that gets such trees.

Presets are judged on so many rows of a fold, and from more rows the other trees learn more, but a regression does not.
"""
NARROW_TREES, MOST_TREES = 200, 1_500
_NARROW, _TREES_OF_COLUMN = 12, 25
_MISSING_ROWS = 50
"""Rows for each column that are learned from a second time, without their value in this column."""


def regression() -> Pipeline:
    """Return an unfitted logistic regression that takes missing values."""
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1_000),
    )


def parameters_for(columns: int) -> dict[str, int | float]:
    """Return the parameters that depend on the number of columns: each tree splits only one of them.

    With many columns, what the others have not explained yet is noise to a tree, and few thresholds follow less of it.
    """
    if columns <= _NARROW:
        return {}
    return {"n_estimators": min(NARROW_TREES + _TREES_OF_COLUMN * (columns - _NARROW), MOST_TREES), "max_bin": 64}


class LinearTrees(XGBClassifier):
    """The served model's trees; constraints and parameters have their usual effects."""

    def fit(self, matrix: Matrix, churned: Labels, **options: Any) -> Self:
        """Fit a logistic regression, and trees to its probabilities; `options` are those of `XGBClassifier.fit`."""
        learned = regression().fit(matrix, churned)
        matrix = np.vstack([matrix, _with_missing(matrix)])
        probability = learned.predict_proba(matrix)[:, 1]
        self.interaction_constraints = str([[column] for column in range(matrix.shape[1])])
        # The classifier takes no shares as outcomes, but each row as both outcomes, with their shares as weights.
        outcomes, shares = np.repeat([1, 0], len(matrix)), np.concatenate([probability, 1 - probability])
        super().fit(np.vstack([matrix, matrix]), outcomes, sample_weight=shares, **options)
        return self

    def plain(self) -> XGBClassifier:
        """Return the fitted trees as a classifier of XGBoost's own class."""
        found = XGBClassifier(n_jobs=self.n_jobs, random_state=self.random_state)
        found.load_model(bytearray(self.get_booster().save_raw("ubj")))
        return found


def _with_missing(matrix: Matrix) -> Matrix:
    """Return some of the rows, each with one value missing, as often in each column."""
    rows, columns = matrix.shape
    found = matrix[np.random.default_rng(0).permutation(rows)[: _MISSING_ROWS * columns]]
    found[np.arange(len(found)), np.arange(len(found)) % columns] = np.nan
    return found
