"""Explains scores: computes each feature's contribution to the score of each row.

XGBoost takes half a second and 40 MB to import, so it is imported with the first explanation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt

from models import native_libraries, plain_text
from models.bundles import split_ranges
from models.bundles.bundle import Bundle
from models.bundles.format import booster_structure
from models.bundles.format.bundle_files import BOOSTER
from models.customer.contract import Contract, Matrix, Vector
from models.errors import BoosterUnreadable


@dataclass(frozen=True)
class Contributions:
    """Contributions to scores, in log-odds: a row's raw score is the base value plus its contributions."""

    base_value: float
    """Expected raw score of a customer when no feature is known."""
    by_feature: npt.NDArray[np.float64]
    """(n, features) float64, in the contract's order; the columns of a category are summed."""
    raw_scores: Vector
    """(n,) raw score of each row from the trees, before calibration."""


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
