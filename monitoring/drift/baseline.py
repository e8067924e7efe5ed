"""The baseline of the drift job: the pinned model, a sample of its training rows, and its feature importance."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.bundles.bundle import Bundle
from models.bundles.format import bundle_files
from models.bundles.scorer import Scorer
from models.customer import checks
from models.customer.contract import Contract, Vector
from monitoring.drift import importance
from monitoring.drift.comparison import PREDICTION
from monitoring.log import customer_files


@dataclass(frozen=True)
class Baseline:
    """The parts of a verified bundle that the drift job needs."""

    contract: Contract
    scorer: Scorer
    table: pd.DataFrame
    """The reference: the contract's columns of training rows, and a column of predictions for other customers.

    These are the test rows. They are NaN from the row on where the test rows end.
    """
    importance: Mapping[str, float]
    """Permutation importance of each feature; the values sum to 1."""

    def predict(self, rows: pd.DataFrame) -> Vector:
        """Return the probability of each row; NaN for a row that breaks a rule, which the service would refuse."""
        return _predict(self.contract, self.scorer, rows)


def load(model: Bundle, contract: Contract, *, rows: int) -> Baseline:
    """Read at most `rows` rows of a bundle's reference, score its test rows, and compute the features' importance.

    Trees of many features fit their training rows so well that predictions of other customers would seem to drift. A
    bundle without test rows has predictions for its training rows.

    Raises:
        CannotTell: the reference lacks columns of the contract.
        GraphUnreadable: the model cannot be opened.
    """
    table, _ = customer_files.read(model.path(bundle_files.REFERENCE), contract, rows=rows)
    scorer, predicted = Scorer.of(model), table
    if bundle_files.HOLDOUT in model.manifest.files:
        predicted, _ = customer_files.read(model.path(bundle_files.HOLDOUT), contract, rows=len(table))
    predictions = np.full(len(table), np.nan)
    predictions[: len(predicted)] = _predict(contract, scorer, predicted)
    return Baseline(
        contract,
        scorer,
        table=table.assign(**{PREDICTION: predictions}),
        importance=importance.permutation_importance(contract, scorer, contract.to_matrix(table)),
    )


def _predict(contract: Contract, scorer: Scorer, rows: pd.DataFrame) -> Vector:
    broken = np.zeros(len(rows), dtype=np.bool_)
    for mask in checks.find_violations(contract, rows).values():
        broken |= mask
    probabilities = np.full(len(rows), np.nan)
    probabilities[~broken] = scorer.score(contract.to_matrix(rows[~broken]))
    return probabilities
