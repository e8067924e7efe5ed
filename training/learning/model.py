"""Builds the unfitted estimators: the served XGBoost model, and the models that it is compared with.

Rows are not re-weighted or resampled for class imbalance. On the Telco table, weighting leaves the ROC-AUC unchanged
(0.898) but makes the probabilities worse (log loss 0.400 instead of 0.346), and tiers and decisions depend on these.
Imbalance is handled by stratified folds, by metrics that are sensitive to the rare class, and by the decision
threshold.

The usual parameters have 100 trees: they are as good as 300 trees with a third of the learning rate (cross-validated
ROC-AUC 0.899 on Telco for both), and score a batch in a third of the time. `presets` may choose others.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from xgboost import XGBClassifier

from models.bundles.calibration import Calibration
from models.customer.contract import Contract, Matrix
from training.errors import ConstraintInvalid
from training.learning import linear_trees
from training.learning.linear_trees import LinearTrees

PARAMETERS: Mapping[str, int | float] = {
    "n_estimators": 100,
    "max_depth": 4,
    "learning_rate": 0.09,
    "subsample": 0.8,
    "min_child_weight": 5,
}
SERVED, LINEAR, CONSTANT = "xgboost", "logistic regression", "constant"
HISTOGRAM, FOREST = "histogram gradient boosting", "random forest"
ALGORITHMS = (SERVED, HISTOGRAM, FOREST, LINEAR, CONSTANT)
LINEAR_TREES = "linear_trees"
"""A parameter of ours: 1 if the first trees are a logistic regression (`LinearTrees`)."""
_BELOW_ALL = float(np.finfo(np.float32).min)
_FOREST_TREES, _FOREST_LEAF_ROWS = 100, 10
Constraints = tuple[int, ...] | None
"""For each matrix column: 1 if its effect may only rise, -1 if only fall, 0 if both. None means no constraints."""


class CalibratedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A fitted classifier with its calibration map, as one step of a pipeline."""

    def __init__(self, classifier: XGBClassifier, calibration: Calibration) -> None:
        self.classifier, self.calibration = classifier, calibration
        self.classes_ = classifier.classes_

    def fit(self, *_: object) -> Self:
        """Do nothing: both parts are fitted already."""
        return self

    def predict_proba(self, matrix: Matrix) -> Any:
        """Return the probabilities of class 0 (stayed) and class 1 (churned), (n, 2)."""
        probabilities = self.classifier.predict_proba(matrix)
        churn = self.calibration.apply(probabilities[:, 1].astype(float))
        return np.column_stack([1 - churn, churn])


def served(
    *, parameters: Mapping[str, int | float], constraints: Constraints, seed: int, threads: int
) -> XGBClassifier:
    """Return the unfitted model to serve; with `linear_trees`, its first trees are a logistic regression."""
    given = {name: value for name, value in parameters.items() if name != LINEAR_TREES}
    of_class = LinearTrees if parameters.get(LINEAR_TREES) else XGBClassifier
    return of_class(**given, monotone_constraints=constraints, random_state=seed, n_jobs=threads)


def plain(fitted: XGBClassifier) -> XGBClassifier:
    """Return fitted trees as a classifier of XGBoost's own class, which is what others know."""
    return fitted.plain() if isinstance(fitted, LinearTrees) else fitted


def candidates(main: XGBClassifier, *, seed: int, threads: int) -> dict[str, BaseEstimator]:
    """Return the served model and the models that it is compared with, by name."""
    forest = RandomForestClassifier(
        _FOREST_TREES, min_samples_leaf=_FOREST_LEAF_ROWS, random_state=seed, n_jobs=threads
    )
    return {
        SERVED: main,
        # It fails if a feature is always missing. A value below all others can be split off like a missing one.
        HISTOGRAM: make_pipeline(
            SimpleImputer(strategy="constant", fill_value=_BELOW_ALL, keep_empty_features=True),
            HistGradientBoostingClassifier(random_state=seed),
        ),
        FOREST: forest,
        LINEAR: linear_trees.regression(),
        CONSTANT: DummyClassifier(strategy="prior"),
    }


def constrain(monotone: Mapping[str, int], contract: Contract) -> Constraints:
    """Convert constraints on features to the columns of the matrix; None if there are none.

    Raises:
        ConstraintInvalid: a constraint is on a category, or on a name that is not a feature.
    """
    numbers = [feature.name for feature in contract.features if feature.kind not in ("category", "open_category")]
    if unknown := [name for name in monotone if name not in numbers]:
        raise ConstraintInvalid(feature=unknown[0], numbers=numbers)
    return tuple(monotone.get(column, 0) for column in contract.matrix_columns) if monotone else None


def pipeline(contract: Contract, classifier: XGBClassifier, calibration: Calibration) -> Pipeline:
    """Return a fitted classifier as a pipeline over the contract's columns, for use outside the service."""
    encode = FunctionTransformer(contract.to_matrix)
    return Pipeline([("encode", encode), ("classify", CalibratedClassifier(classifier, calibration))])
