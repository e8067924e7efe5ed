"""Why a model says what it says: a matrix comes in, what each feature adds to the score of each row goes out.

The only module of the service and the contract that knows XGBoost, which takes half a second and 40 MB to import: that
waits for the first explanation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt

from models.bundles.bundle import BOOSTER, Bundle
from models.customer.contract import Contract, Matrix, Vector
from models.errors import BoosterUnreadable


@dataclass(frozen=True)
class Contributions:
    """How scores come about, in log-odds: the base value and the contributions of a row add up to its raw score."""

    base_value: float
    """What the trees say of a customer of whom nothing is known."""
    by_feature: npt.NDArray[np.float64]
    """(n, features) float64, in the contract's order; those of a category's columns are added up."""
    raw_scores: Vector
    """What the trees say of each row, before calibration."""


class Explainer:
    """The booster of one model, opened when it is first asked; safe to share between threads."""

    def __init__(self, booster: Path, contract: Contract) -> None:
        """Read a booster, so that its file is not needed any more.

        Raises:
            BoosterUnreadable: there is nothing to read.
        """
        try:
            self._content = booster.read_bytes()
        except OSError as error:
            raise BoosterUnreadable(path=booster, problem=error.strerror or "cannot be read") from error
        if not self._content:
            raise BoosterUnreadable(path=booster, problem="it is empty")  # for which XGBoost 3.2 ends the process
        self._path, self._contract = booster, contract
        self._opening = Lock()
        self._opened: Callable[[Matrix], Matrix] | None = None

    @classmethod
    def of(cls, bundle: Bundle, contract: Contract) -> Self:
        """Read the booster of a verified bundle that was trained on the contract."""
        return cls(bundle.path(BOOSTER), contract)

    def explain(self, matrix: Matrix) -> Contributions:
        """Explain the scores of one row or more, exactly (TreeSHAP, Lundberg 2020); 0.2 ms, and 0.07 ms for each more.

        Raises:
            BoosterUnreadable: XGBoost refuses the file, or its trees are of another contract.
        """
        with self._opening:
            self._opened = self._opened or self._open()
        found = self._opened(matrix).astype(np.float64)
        base_value = float(found[0, -1])
        columns = self._contract.matrix_slices.values()
        by_feature = np.stack([found[:, of_feature].sum(axis=1) for of_feature in columns], axis=1)
        return Contributions(base_value, by_feature, base_value + by_feature.sum(axis=1))

    def _open(self) -> Callable[[Matrix], Matrix]:
        """Return what gives the contributions of each column, and in the last the base value."""
        import xgboost as xgb  # noqa: PLC0415  # as above

        def contributions(matrix: Matrix) -> Matrix:
            rows = xgb.DMatrix(matrix, nthread=1)
            return np.asarray(booster.predict(rows, pred_contribs=True, validate_features=False))

        first = np.zeros((1, len(self._contract.matrix_columns)), dtype=np.float32)
        try:
            booster = xgb.Booster({"nthread": 1}, model_file=bytearray(self._content))
            contributions(first)  # which settles the booster; two threads must not do that at once
        except xgb.core.XGBoostError as error:
            raise BoosterUnreadable(path=self._path, problem=str(error).partition("\n")[0]) from error
        return contributions
