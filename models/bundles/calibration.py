"""From what the trees say to what happens: a map of probabilities that keeps their order.

Training chooses the map on held-out folds, the manifest carries it, and `models.bundles.scorer` applies it.
"""

from collections.abc import Callable
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.customer.contract import Vector

Method = Literal["none", "sigmoid", "isotonic"]
Probability = Annotated[float, Field(ge=0, le=1)]
_NEAREST = 1e-9  # to 0 or 1, so that log-odds are finite
_FARTHEST = 500  # log-odds, before a number of 64 bits overflows


class Calibration(BaseModel):
    """One map. What its method does not use is left as it is.

    >>> import numpy as np
    >>> Calibration(method="isotonic", knots=[(0.2, 0.1), (0.6, 0.5)]).apply(np.array([0.0, 0.4, 1.0]))
    array([0.1, 0.3, 0.5])
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Method = "none"
    slope: float = Field(default=1, gt=0)
    """Of the log-odds: `sigmoid` is slope * log-odds + intercept (Platt 1999)."""
    intercept: float = 0
    knots: list[tuple[Probability, Probability]] = []
    """Of `isotonic`: what is said and what happens, both ascending; straight in between, level outside."""

    @model_validator(mode="after")
    def _knots_ascend(self) -> Self:
        if (self.method == "isotonic") != bool(self.knots):
            raise ValueError("isotonic has knots, and no other method has")
        if np.any(np.diff(np.array(self.knots), axis=0) < 0) or len({said for said, _ in self.knots}) < len(self.knots):
            raise ValueError("knots must ascend")
        return self

    def apply(self, probability: Vector) -> Vector:
        """Return calibrated probabilities, (n,) in [0, 1]."""
        return self.function()(probability)

    def function(self) -> Callable[[Vector], Vector]:
        """Return the map as a function, for who applies it again and again."""
        if self.method == "none":
            return lambda probability: probability
        if self.method == "sigmoid":
            return self._sigmoid
        said, happens = np.array(self.knots, dtype=np.float64).T
        return lambda probability: np.asarray(np.interp(probability, said, happens))

    def _sigmoid(self, probability: Vector) -> Vector:
        if len(probability) == 1:  # as in most requests; arrays of one take four times as long
            return np.array([self._sigmoid_of_one(probability.item())])
        score = self.slope * log_odds(probability) + self.intercept
        return 1 / (1 + np.exp(-np.clip(score, -_FARTHEST, _FARTHEST)))

    def _sigmoid_of_one(self, probability: float) -> float:
        inside = min(max(probability, _NEAREST), 1 - _NEAREST)
        score = self.slope * np.log(inside / (1 - inside)) + self.intercept
        return float(1 / (1 + np.exp(-min(max(score, -_FARTHEST), _FARTHEST))))


def log_odds(probability: Vector) -> Vector:
    """Return the log-odds of probabilities; those nearer to 0 or 1 than 1e-9 count as so near."""
    clipped = np.clip(probability, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(clipped / (1 - clipped)))
