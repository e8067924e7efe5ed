"""Permutation importance of each feature: the mean change of the predictions when its values are permuted.

It needs no outcomes, so it works for any bundle.
"""

import numpy as np

from models.bundles.scorer import Scorer
from models.customer.contract import Contract, Matrix

_SEED = 0


def permutation_importance(contract: Contract, scorer: Scorer, matrix: Matrix) -> dict[str, float]:
    """Return the importance of each feature, the mean change in probability on permuted values, scaled to a sum of 1.

    For a model that predicts the same for everybody, all features have the same importance.
    """
    random = np.random.default_rng(_SEED)
    before = scorer.score(matrix)
    moved: dict[str, float] = {}
    permuted = matrix.copy()  # once, because a wide matrix takes as long to copy as to score
    for name, columns in contract.matrix_slices.items():
        permuted[:, columns] = random.permutation(matrix[:, columns])
        moved[name] = float(np.abs(scorer.score(permuted) - before).mean())
        permuted[:, columns] = matrix[:, columns]
    total = sum(moved.values())
    return {name: change / total if total else 1 / len(moved) for name, change in moved.items()}
