"""Calibration map: a monotone map from the trees' probabilities to calibrated probabilities.

Training chooses the map on held-out folds, the manifest stores it, and `models.bundles.scorer` applies it.
"""

from collections.abc import Callable
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.customer.contract import Vector

Method = Literal["none", "sigmoid", "isotonic"]
Probability = Annotated[float, Field(ge=0, le=1)]
_NEAREST = 1e-9  # least distance from 0 and 1, so that log-odds are finite
_FARTHEST = 500  # largest log-odds, so that exp does not overflow float64


class Calibration(BaseModel):
    """One calibration map; fields that its method does not use keep their defaults.

    >>> import numpy as np
    >>> Calibration(method="isotonic", knots=[(0.2, 0.1), (0.6, 0.5)]).apply(np.array([0.0, 0.4, 1.0]))
    array([0.1, 0.3, 0.5])
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Method = "none"
    slope: float = Field(default=1, gt=0)
    """Slope of the log-odds: `sigmoid` is slope * log-odds + intercept (Platt 1999)."""
    intercept: float = 0
    knots: list[tuple[Probability, Probability]] = []
    """Of `isotonic`: (raw, calibrated) probabilities, both ascending; linear in between, constant outside."""

    @model_validator(mode="after")
    def _knots_ascend(self) -> Self:
        if (self.method == "isotonic") != bool(self.knots):
            raise ValueError("isotonic needs knots, and no other method may have them")
        if np.any(np.diff(np.array(self.knots), axis=0) < 0) or len({raw for raw, _ in self.knots}) < len(self.knots):
            raise ValueError("knots must ascend")
        return self

    def apply(self, probability: Vector) -> Vector:
        """Return calibrated probabilities, (n,) in [0, 1]."""
        return self.function()(probability)

    def function(self) -> Callable[[Vector], Vector]:
        """Return the map as a function, for repeated use."""
        if self.method == "none":
            return lambda probability: probability
        if self.method == "sigmoid":
            return self._sigmoid
        raw, calibrated = np.array(self.knots, dtype=np.float64).T
        return lambda probability: np.asarray(np.interp(probability, raw, calibrated))

    def _sigmoid(self, probability: Vector) -> Vector:
        if len(probability) == 1:  # as in most requests; operations on arrays of one element take four times as long
            return np.array([self._sigmoid_of_one(probability.item())])
        score = self.slope * log_odds(probability) + self.intercept
        return 1 / (1 + np.exp(-np.clip(score, -_FARTHEST, _FARTHEST)))

    def _sigmoid_of_one(self, probability: float) -> float:
        inside = min(max(probability, _NEAREST), 1 - _NEAREST)
        score = self.slope * np.log(inside / (1 - inside)) + self.intercept
        return float(1 / (1 + np.exp(-min(max(score, -_FARTHEST), _FARTHEST))))


def log_odds(probability: Vector) -> Vector:
    """Return the log-odds of probabilities, clipped to at least 1e-9 from 0 and 1."""
    clipped = np.clip(probability, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(clipped / (1 - clipped)))
