"""The baseline of the drift job: the pinned model, a sample of its training rows, and its feature importance."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.bundles.bundle import Bundle
from models.bundles.format import bundle_files
from models.bundles.scorer import Scorer
from models.customer import checks
from models.customer.contract import Contract, Vector
from monitoring.drift import importance
from monitoring.drift.row_counts import PREDICTION
from monitoring.log import customer_files

_ADDED = "added after the training of the pinned model"
_REMOVED = "removed after the training of the pinned model"


@dataclass(frozen=True)
class Baseline:
    """The parts of a verified bundle that the drift job needs."""

    contract: Contract
    """The contract of today."""
    model_contract: Contract
    """The contract of the model, through which it encodes."""
    scorer: Scorer
    table: pd.DataFrame
    """The reference: the contract's columns of training rows, and a column of predictions for other customers.

    Added fields are unknown. The predictions are those of the test rows by the model as it serves today, without fields
    that were removed. They are NaN from the row on where the test rows end.
    """
    importance: Mapping[str, float]
    """Permutation importance of each feature; the values sum to 1."""

    @property
    def compared(self) -> Contract:
        """The fields that the contract of today and the model have in common."""
        known = self.model_contract.names_set
        return Contract(tuple(feature for feature in self.contract.features if feature.name in known))

    @property
    def not_compared(self) -> dict[str, str]:
        """Fields that only one of the two contracts has, each with the reason."""
        known = self.model_contract.names_set
        added = {name: _ADDED for name in self.contract.names if name not in known}
        return added | dict.fromkeys(sorted(self.model_contract.absent), _REMOVED)

    def predict(self, rows: pd.DataFrame) -> Vector:
        """Return the probability of each row; NaN for a row that breaks a rule, which the service would refuse."""
        return _predict(self.contract, self.model_contract, self.scorer, rows)


def load(model: Bundle, contract: Contract, *, rows: int) -> Baseline:
    """Read at most `rows` rows of a bundle's reference, score its test rows, and compute the features' importance.

    Trees of many features fit their training rows so well that predictions of other customers would seem to drift. A
    bundle without test rows has predictions for its training rows.

    Raises:
        CannotTell: the reference lacks columns of the contract.
        GraphUnreadable: the model cannot be opened.
    """
    table, scorer = customer_files.read_of_bundle(model, bundle_files.REFERENCE, contract, rows=rows), Scorer.of(model)
    found = Baseline(
        contract,
        model.contract,
        scorer,
        table=table,
        importance=importance.permutation_importance(model.contract, scorer, model.contract.to_matrix(table)),
    )
    predicted = table
    if bundle_files.HOLDOUT in model.manifest.files:
        predicted = customer_files.read_of_bundle(model, bundle_files.HOLDOUT, contract, rows=len(table))
    predictions = np.full(len(table), np.nan)
    predictions[: len(predicted)] = _predict(found.compared, model.contract, scorer, predicted)
    return replace(found, table=table.assign(**{PREDICTION: predictions}))


def _predict(contract: Contract, model_contract: Contract, scorer: Scorer, rows: pd.DataFrame) -> Vector:
    broken = np.zeros(len(rows), dtype=np.bool_)
    for mask in checks.find_violations(contract, rows).values():
        broken |= mask
    probabilities = np.full(len(rows), np.nan)
    probabilities[~broken] = scorer.score(model_contract.to_matrix(rows[~broken]))
    return probabilities
