"""Checks for target leakage: features that reveal the outcome, test rows that equal training rows, columns of ids."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from models.customer.contract import Contract, Labels, Vector
from models.customer.feature import Feature
from training.data import holdout
from training.data.dataset_split import Traces
from training.data.datasets import Dataset
from training.data.splitting import Split
from training.errors import LeakFound

SUSPICIOUS_ROC_AUC = 0.99
SUSPICIOUS_SHARE = 0.05
"""Fraction of test rows that equal a training row, from which a warning is given."""
_DISTINCT_SHARE = 0.99


def check(dataset: Dataset, split: Split, contract: Contract, *, stop: bool, seen: Traces | None = None) -> list[str]:
    """Return one sentence for each sign of leakage; `seen` has traces of all training rows, if these are a sample.

    Raises:
        LeakFound: a single feature predicts the outcome almost perfectly, and `stop` is set.
    """
    telling = list(_telling(dataset, split, contract))
    if telling and stop:
        raise LeakFound(signs=telling)
    return [*telling, *_ids(dataset, split, contract), *_repeated(dataset, split, contract, seen)]


def _telling(dataset: Dataset, split: Split, contract: Contract) -> Iterator[str]:
    churned = dataset.churned[split.training]
    for feature in contract.features:
        values = feature.encode(dataset.features[feature.name].iloc[split.training])
        alone = _roc_auc_alone(feature, values, churned)
        if alone >= SUSPICIOUS_ROC_AUC:
            yield f"{feature.name} alone reaches a ROC-AUC of {alone:.3f}: it may be known only after the outcome"


def _roc_auc_alone(feature: Feature, values: Vector, churned: Labels) -> float:
    """Compute the ROC-AUC of one feature, in its better direction; a category is scored by its churn rate."""
    if feature.kind == "open_category":
        return _area_of_levels(values, churned)
    if feature.kind == "category":
        _, codes = np.unique(values, return_inverse=True)
        values = np.bincount(codes, weights=churned)[codes] / np.bincount(codes)[codes]
    # Missing numbers are ranked below all others, and then above them.
    areas = [_area(pd.Series(values).rank(na_option=side), churned) for side in ("top", "bottom")]
    return max(max(area, 1 - area) for area in areas)


def _area_of_levels(values: Vector, churned: Labels) -> float:
    """Score each level by its churn rate in the other half of the rows, where a rare level has not its own outcome."""
    _, codes = np.unique(values, return_inverse=True)
    half, rates = np.arange(len(codes)) % 2, np.zeros(len(codes))
    for this in (0, 1):
        other = half != this
        known = np.bincount(codes[other], minlength=codes.max() + 1)
        left = np.bincount(codes[other], weights=churned[other], minlength=codes.max() + 1)
        rates[~other] = ((left + churned.mean()) / (known + 1))[codes[~other]]
    return _area(pd.Series(rates).rank(), churned)


def _area(ranks: pd.Series, churned: Labels) -> float:
    """Compute the ROC-AUC by the sum of ranks (Mann and Whitney 1947)."""
    left = int(churned.sum())
    above = ranks[churned == 1].sum() - left * (left + 1) / 2
    return float(above / (left * (len(churned) - left)))


def _ids(dataset: Dataset, split: Split, contract: Contract) -> Iterator[str]:
    for feature in contract.features:
        if feature.kind in ("integer", "open_category"):
            distinct = dataset.features[feature.name].iloc[split.training].nunique() / len(split.training)
            if distinct >= _DISTINCT_SHARE:
                yield f"{feature.name} has a distinct value in {distinct:.0%} of the rows: it looks like an id"


def _repeated(dataset: Dataset, split: Split, contract: Contract, seen: Traces | None) -> Iterator[str]:
    if seen is None:
        rows = pd.util.hash_pandas_object(dataset.features, index=False).to_numpy()
        share = float(pd.Series(rows[split.test]).isin(rows[split.training]).mean())
    else:
        found = np.isin(holdout.traces(contract.to_matrix(dataset.features.iloc[split.test])), seen).mean()
        by_chance = len(seen) / 2**32
        share = float((found - by_chance) / (1 - by_chance))
    if share >= SUSPICIOUS_SHARE:
        yield f"{share:.0%} of the test rows equal a training row: they may be the same customers"
