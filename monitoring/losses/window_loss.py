"""Estimates the loss of a drifted window against the test rows of the pinned model's bundle."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from models.bundles.bundle import Bundle
from models.bundles.format import bundle_files
from models.customer.contract import Contract, Vector
from monitoring.log import customer_files
from monitoring.losses import drift_loss, reweighting
from monitoring.losses.drift_loss import DriftLoss, Reference

_ROWS = 5_000
"""Most test rows that are reweighted; the split of a loss is no more exact than that of a reference of this size."""


def find(
    model: Bundle,
    contract: Contract,
    predict: Callable[[pd.DataFrame], Vector],
    live: tuple[pd.DataFrame, Vector],
    drifted: Sequence[str],
    *,
    min_loss_fraction: float,
) -> DriftLoss | None:
    """Estimate the loss of a window with drifted columns, those that moved most first.

    `contract` has the compared fields, and `live` the rows of the window and the pinned model's predictions, NaN where
    it made none. None if the bundle has no test rows, or if too few customers are expected to churn or to stay.
    """
    if bundle_files.HOLDOUT not in model.manifest.files:
        return None
    rows = customer_files.read_of_bundle(model, bundle_files.HOLDOUT, contract, rows=_ROWS)
    probability = predict(rows)
    known = np.isfinite(probability)
    rows, probability = rows[known], probability[known]
    table, predicted = live
    features = {feature.name: feature for feature in contract.features if feature.name in drifted}
    columns = {
        name: reweighting.column(features[name], features[name].encode(rows[name]), features[name].encode(table[name]))
        for name in drifted
        if name in features and name in table
    }
    return drift_loss.estimate(
        Reference(probability, columns),
        predicted[np.isfinite(predicted)],
        model.manifest.policy,
        min_loss_fraction=min_loss_fraction,
    )
