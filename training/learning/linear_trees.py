"""Trees that learn the probabilities of a logistic regression instead of the outcomes.

Where effects only add up, a logistic regression needs far fewer rows than trees that learn from outcomes. Trees that
learn its probabilities are as good, and are stored and served like all others. Each of them splits one column only, so
their sum adds up, too.
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
"""Most rows that it learns from. A regression of so few coefficients gains nothing from more."""


def regression() -> Pipeline:
    """Return an unfitted logistic regression that takes missing values."""
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1_000),
    )


class LinearTrees(XGBClassifier):
    """The served model's trees; constraints and parameters have their usual effects."""

    def fit(self, matrix: Matrix, churned: Labels, **options: Any) -> Self:
        """Fit a logistic regression, and trees to its probabilities; `options` are those of `XGBClassifier.fit`."""
        if len(churned) > MOST_ROWS:
            rows = np.random.default_rng(self.random_state).choice(len(churned), MOST_ROWS, replace=False)
            matrix, churned = matrix[rows], churned[rows]
        probability = regression().fit(matrix, churned).predict_proba(matrix)[:, 1]
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
