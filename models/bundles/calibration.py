"""Calibration map: a monotone map from the trees' probabilities to calibrated probabilities.

Training chooses the map on held-out folds, the manifest stores it, and `models.bundles.scorer` applies it.
"""

from collections.abc import Callable
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from models.customer.contract import Vector

Method = Literal["none", "sigmoid", "isotonic"]
Probability = Annotated[float, Field(ge=0, le=1)]
_NEAREST = 1e-9  # least distance from 0 and 1, so that log-odds are finite
_FARTHEST = 500  # largest log-odds, so that exp does not overflow float64
_KNOT_STEP = 0.01  # most probability between two knots of an isotonic map that was recalibrated


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

    def recalibrated(self, *, slope: float, intercept: float) -> Self:
        """Return the map of slope * log-odds + intercept upon this map's probabilities.

        It is of the kinds that every reader knows. Upon knots it is exact at the knots and within 0.001 between them.

        >>> Calibration(method="sigmoid", slope=2, intercept=1).recalibrated(slope=0.5, intercept=0.25)
        Calibration(method='sigmoid', slope=1.0, intercept=0.75, knots=[])
        """
        if self.method != "isotonic":
            return type(self)(method="sigmoid", slope=slope * self.slope, intercept=slope * self.intercept + intercept)
        line = type(self)(method="sigmoid", slope=slope, intercept=intercept)
        raw, calibrated = _close_knots(np.array(self.knots, dtype=np.float64))
        moved = line.apply(calibrated).clip(0, 1)
        return type(self)(method="isotonic", knots=list(zip(raw.tolist(), moved.tolist(), strict=True)))

    def _sigmoid(self, probability: Vector) -> Vector:
        if len(probability) == 1:  # as in most requests; operations on arrays of one element take four times as long
            return np.array([self._sigmoid_of_one(probability.item())])
        score = self.slope * log_odds(probability) + self.intercept
        return 1 / (1 + np.exp(-np.clip(score, -_FARTHEST, _FARTHEST)))

    def _sigmoid_of_one(self, probability: float) -> float:
        inside = min(max(probability, _NEAREST), 1 - _NEAREST)
        score = self.slope * np.log(inside / (1 - inside)) + self.intercept
        return float(1 / (1 + np.exp(-min(max(score, -_FARTHEST), _FARTHEST))))


class Recalibrated(BaseModel):
    """Where a map came from that was learned anew, upon the trees and the map of another model."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    version: str
    """The model whose trees and map these are based on."""
    trained_on: str
    """Source of the rows that the trees were trained on."""
    trained_rows: int = Field(ge=1)
    outcomes: int = Field(ge=1)
    """Rows with an outcome that the map was learned from; other rows judge it."""
    first_made_at: AwareDatetime | None
    """When the first of all these rows was predicted; None if they are not from the prediction log."""
    last_made_at: AwareDatetime | None
    slope: float = Field(gt=0)
    """The new log-odds are slope * log-odds of the earlier model + intercept."""
    intercept: float


def _close_knots(knots: npt.NDArray[np.float64]) -> tuple[Vector, Vector]:
    """Insert knots on the lines between knots, so that neighbours are at most 0.01 of probability apart."""
    raw, calibrated = knots.T
    parts = np.maximum(1, np.ceil(np.diff(calibrated) / _KNOT_STEP)).astype(np.int64)
    inner = [np.linspace(raw[at], raw[at + 1], count, endpoint=False) for at, count in enumerate(parts.tolist())]
    everywhere = np.unique(np.concatenate([*inner, raw[-1:]]))
    return everywhere, np.interp(everywhere, raw, calibrated)


def log_odds(probability: Vector) -> Vector:
    """Return the log-odds of probabilities, clipped to at least 1e-9 from 0 and 1."""
    clipped = np.clip(probability, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(clipped / (1 - clipped)))
