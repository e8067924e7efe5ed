"""Encodes the levels of an open category by the codes that training gave to them."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.customer.kinds import encoding

LONGEST = 200
"""Most characters of a level."""
RARE, NEW = "rare levels", "never seen in training"
"""Labels of the levels that have no code of their own."""
Unseen = Literal["unknown", "refused"]
"""What happens to a level that was never seen in training."""


def encode(values: Iterable[Any], codes: Mapping[str, float], *, new: float) -> npt.NDArray[np.float64]:
    """Return the code of each level, `new` for those that have none, NaN for null, and inf for what is no level."""
    listed = values.tolist() if hasattr(values, "tolist") else values
    return np.array([_code(value, codes, new) for value in listed], dtype=np.float64)


def _code(value: Any, codes: Mapping[str, float], new: float) -> float:
    if isinstance(value, str):
        return codes.get(value, new if 0 < len(value) <= LONGEST else np.inf)
    return np.nan if encoding.is_null(value) else np.inf


class MatrixColumn(dict[Any, list[float]]):
    """Maps each level to its column of the matrix; null and levels that were never seen are unknown."""

    def __init__(self, codes: Mapping[str, float]) -> None:
        super().__init__({level: [code] for level, code in codes.items()})

    def __missing__(self, level: Any) -> list[float]:
        return [np.nan]
