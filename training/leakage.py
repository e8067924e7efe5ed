"""Signs that a table knows the outcome: a feature that gives it away, rows in both parts, numbers that only name rows.

Knows nothing of the model; every sign is looked for before there is one.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from models.contract import Contract, Feature, Labels, Vector
from training.data import Dataset
from training.errors import LeakFound
from training.splitting import Split

SUSPICIOUS_ROC_AUC = 0.99
SUSPICIOUS_SHARE = 0.05
"""Of test rows that are also training rows."""
_DISTINCT_SHARE = 0.99


def check(dataset: Dataset, split: Split, contract: Contract, *, stop: bool) -> list[str]:
    """Return what looks like a leak, a sentence each.

    Raises:
        LeakFound: a single feature alone tells the outcome, and `stop` is set.
    """
    features, churned = dataset.features.iloc[split.training], dataset.churned[split.training]
    telling = list(_telling(features, churned, contract))
    if telling and stop:
        raise LeakFound(signs=telling)
    return [*telling, *_ids(features, contract), *_repeated(dataset.features, split)]


def _telling(features: pd.DataFrame, churned: Labels, contract: Contract) -> Iterator[str]:
    for feature in contract.features:
        alone = _roc_auc_alone(feature, feature.encode(features[feature.name]), churned)
        if alone >= SUSPICIOUS_ROC_AUC:
            yield f"{feature.name} alone reaches a ROC-AUC of {alone:.3f}: it may be known only after the outcome"


def _roc_auc_alone(feature: Feature, values: Vector, churned: Labels) -> float:
    """Rank customers by one feature, either way up; a category, and what is unknown, by its share of churners."""
    if feature.kind == "category":
        _, codes = np.unique(values, return_inverse=True)
        values = np.bincount(codes, weights=churned)[codes] / np.bincount(codes)[codes]
    unknown = np.isnan(values)
    of_known = [
        roc_auc_score(churned, np.where(unknown, side, values) if unknown.any() else values)
        for side in (np.nanmin(values, initial=np.inf) - 1, np.nanmax(values, initial=-np.inf) + 1)
        if np.isfinite(side) or not unknown.any()
    ]
    return max((max(area, 1 - area) for area in of_known), default=0.5)


def _ids(features: pd.DataFrame, contract: Contract) -> Iterator[str]:
    for feature in contract.features:
        distinct = features[feature.name].nunique() / len(features)
        if feature.kind == "integer" and distinct >= _DISTINCT_SHARE:
            yield f"{feature.name} differs in {distinct:.0%} of the rows: it looks like an id"


def _repeated(features: pd.DataFrame, split: Split) -> Iterator[str]:
    rows = pd.util.hash_pandas_object(features, index=False).to_numpy()
    share = float(np.isin(rows[split.test], rows[split.training]).mean())
    if share >= SUSPICIOUS_SHARE:
        yield f"{share:.0%} of the test rows have the values of a training row: they may be the same customers"
