"""What live rows are held against: the pinned model, the sample it learned from, and how much each feature matters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.scorer import Scorer
from models.customer import checks
from models.customer.contract import Contract, Vector
from monitoring.drift import importance
from monitoring.drift.comparison import PREDICTION
from monitoring.log import customer_files


@dataclass(frozen=True)
class Baseline:
    """A verified bundle, as the drift job needs it."""

    contract: Contract
    scorer: Scorer
    table: pd.DataFrame
    """The reference: the contract's columns, and the model's predictions."""
    importance: Mapping[str, float]
    """Of each feature; 1 in all."""

    def predict(self, rows: pd.DataFrame) -> Vector:
        """Return each row's probability; NaN for one that the service would have refused."""
        return _predict(self.contract, self.scorer, rows)


def load(model: Bundle, contract: Contract, *, rows: int) -> Baseline:
    """Read at most so many rows of a bundle's reference, score them, and weigh the features.

    Raises:
        CannotTell: the reference is no table of this contract.
        GraphUnreadable: the model cannot be opened.
    """
    table, _ = customer_files.read(model.path(bundle.REFERENCE), contract, rows=rows)
    scorer = Scorer.of(model)
    return Baseline(
        contract,
        scorer,
        table=table.assign(**{PREDICTION: _predict(contract, scorer, table)}),
        importance=importance.weigh(contract, scorer, contract.to_matrix(table)),
    )


def _predict(contract: Contract, scorer: Scorer, rows: pd.DataFrame) -> Vector:
    broken = np.zeros(len(rows), dtype=np.bool_)
    for mask in checks.find_violations(contract, rows).values():
        broken |= mask
    probabilities = np.full(len(rows), np.nan)
    probabilities[~broken] = scorer.score(contract.to_matrix(rows[~broken]))
    return probabilities
