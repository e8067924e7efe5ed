"""The booster under BentoML, as its documentation shows it: a service class with one API over an array."""

import os

import bentoml  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
import xgboost as xgb


@bentoml.service(workers=1)
class Churn:
    """One booster."""

    def __init__(self) -> None:
        self.booster = xgb.Booster(model_file=os.environ["CHURN_BOOSTER"])

    @bentoml.api  # type: ignore[untyped-decorator]  # as above
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Score rows of the model's matrix."""
        scores: np.ndarray = self.booster.inplace_predict(rows)
        return scores
