"""How much of the model rests on each feature: how far predictions move when its values change hands.

Needs no outcomes, so it can be told of any bundle.
"""

import numpy as np

from models.bundles.scorer import Scorer
from models.customer.contract import Contract, Matrix

_SEED = 0


def weigh(contract: Contract, scorer: Scorer, matrix: Matrix) -> dict[str, float]:
    """Share out 1 over the features, by the mean change in probability when a feature's values are permuted.

    A model that predicts the same for everybody rests on all features alike.
    """
    random = np.random.default_rng(_SEED)
    before = scorer.score(matrix)
    moved: dict[str, float] = {}
    for name, columns in contract.matrix_slices.items():
        permuted = matrix.copy()
        permuted[:, columns] = random.permutation(permuted[:, columns])
        moved[name] = float(np.abs(scorer.score(permuted) - before).mean())
    total = sum(moved.values())
    return {name: change / total if total else 1 / len(moved) for name, change in moved.items()}
