"""Explains scores: computes each feature's contribution to the score of each row.

XGBoost takes half a second and 40 MB to import, so it is imported with the first explanation.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt

from models import native_libraries, plain_text
from models.bundles import split_ranges
from models.bundles.bundle import Bundle
from models.bundles.calibration import Calibration, log_odds
from models.bundles.format import booster_structure
from models.bundles.format.bundle_files import BOOSTER
from models.customer.contract import Contract, Matrix, Vector
from models.errors import BoosterUnreadable

_FARTHEST = 500  # largest log-odds, so that exp does not overflow float64
_NEAR, _STEP = 1e-4, 0.05
"""Two scores so near have no slope between them; that of the map around the base value is taken, by so far a step."""


@dataclass(frozen=True)
class Contributions:
    """Contributions to scores, in log-odds: a row's score is the base value plus its contributions."""

    base_value: float
    """Expected score of a customer when no feature is known."""
    by_feature: npt.NDArray[np.float64]
    """(n, features) float64, in the contract's order; the columns of a category are summed."""
    raw_scores: Vector
    """(n,) raw score of each row from the trees, before calibration."""

    @property
    def scores(self) -> Vector:
        """The score of each row, (n,)."""
        return np.asarray(self.base_value + self.by_feature.sum(axis=1))

    def served(self, calibration: Calibration) -> "Contributions":
        """Scale the contributions of the trees so that they add up to the log-odds of the calibrated probability.

        A row's contributions are multiplied by the slope of the map between the base value and its score: of a sigmoid
        its own slope, of an isotonic map another one for each row.
        """
        if calibration.method == "none":
            return self

        def move(scores: Vector) -> Vector:
            return log_odds(calibration.apply(1 / (1 + np.exp(-np.clip(scores, -_FARTHEST, _FARTHEST)))))

        base, near = self.base_value, np.abs(self.raw_scores - self.base_value) < _NEAR
        low, high = np.where(near, base - _STEP, base), np.where(near, base + _STEP, self.raw_scores)
        slope = (move(high) - move(low)) / (high - low)
        moved_base = float(move(np.array([base]))[0])
        return replace(self, base_value=moved_base, by_feature=self.by_feature * slope[:, np.newaxis])


class Explainer:
    """The booster of one model, opened at the first explanation; safe to share between threads."""

    def __init__(self, booster: Path, contract: Contract, content: bytes | None = None) -> None:
        """Check the booster's `content`, or else read its file, which is not needed afterwards.

        Raises:
            BoosterUnreadable: the file cannot be read, holds no trees, or holds trees of another contract.
        """
        try:
            self._content = booster.read_bytes() if content is None else content
            trees = booster_structure.check(self._content, width=len(contract.matrix_columns))
        except OSError as error:
            raise BoosterUnreadable(path=booster, problem=error.strerror or "cannot be read") from error
        except ValueError as error:
            raise BoosterUnreadable(path=booster, problem=plain_text.first_line(error)) from error
        self.ranges = split_ranges.find(trees, contract)
        """Lowest and highest value of each number at which a tree splits."""
        self._path, self._contract = booster, contract
        self._opening = Lock()
        self._opened: Callable[[Matrix], Matrix] | None = None

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Read the booster of a verified bundle."""
        return cls(bundle.path(BOOSTER), bundle.contract, bundle.read(BOOSTER))

    def explain(self, matrix: Matrix) -> Contributions:
        """Compute exact contributions (TreeSHAP, Lundberg 2020); 0.2 ms for one row, 0.07 ms for each further row.

        Raises:
            BoosterUnreadable: XGBoost cannot open the file.
        """
        with self._opening:
            self._opened = self._opened or self._open()
        found = self._opened(matrix).astype(np.float64)
        base_value = float(found[0, -1])
        columns = self._contract.matrix_slices.values()
        by_feature = np.stack([found[:, of_feature].sum(axis=1) for of_feature in columns], axis=1)
        return Contributions(base_value, by_feature, base_value + by_feature.sum(axis=1))

    def _open(self) -> Callable[[Matrix], Matrix]:
        """Return a function that computes the contribution of each matrix column, with the base value last."""
        try:
            import xgboost as xgb  # noqa: PLC0415  # see the module's docstring
        except ImportError:
            raise
        except Exception as error:  # an XGBoostError, whose class cannot be imported
            problem, remedy = native_libraries.explain(error)
            problem = f"XGBoost cannot be loaded: {problem}"
            raise BoosterUnreadable(path=self._path, problem=problem, remedy=remedy) from error

        def contributions(matrix: Matrix) -> Matrix:
            rows = xgb.DMatrix(matrix, nthread=1)
            return np.asarray(booster.predict(rows, pred_contribs=True, validate_features=False))

        first = np.zeros((1, len(self._contract.matrix_columns)), dtype=np.float32)
        try:
            booster = xgb.Booster({"nthread": 1}, model_file=bytearray(self._content))
            contributions(first)  # initializes the booster, which two threads must not do at once
        except Exception as error:  # XGBoost's Python code raises errors of many kinds
            raise BoosterUnreadable(path=self._path, problem=plain_text.first_line(error)) from error
        return contributions
