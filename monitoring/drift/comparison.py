"""Two tables made comparable: the reference and the live rows as columns of numbers and of labels, fit to be measured.

What is null or unreadable is left out of a column and counted in another, `<name> missing`, so that a feed which falls
silent is seen. The model's predictions are a column too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from models.customer.contract import Contract, Feature

Kind = Literal["number", "label"]
"""How a column is measured: integers and numbers by their order, booleans and categories by their shares."""
PREDICTION = "churn_probability"
"""The column of predictions, in both tables."""


@dataclass(frozen=True)
class Comparison:
    """The same columns on both sides, in the same order; NaN and None are missing."""

    reference: pd.DataFrame
    live: pd.DataFrame
    kinds: Mapping[str, Kind]
    features: Mapping[str, str]
    """Column to the feature it comes from; predictions come from none."""
    unjudged: Mapping[str, str]
    """Column to the reason, in words, why there is nothing to measure."""

    @property
    def judged(self) -> list[str]:
        """The columns that can be measured."""
        return [name for name in self.kinds if name not in self.unjudged]


def compare(contract: Contract, reference: pd.DataFrame, live: pd.DataFrame) -> Comparison:
    """Put two tables that hold the contract's columns and the predictions side by side."""
    left, right = _columns(contract, reference), _columns(contract, live)
    kinds: dict[str, Kind] = {}
    features: dict[str, str] = {}
    for feature in contract.features:
        kinds[feature.name] = "label" if feature.kind in ("category", "boolean") else "number"
        features[feature.name] = features[name := _missing(feature)] = feature.name
        if {*left[name], *right[name]} != {"known"}:
            kinds[name] = "label"
    kinds[PREDICTION] = "number"
    reasons = {name: _why_not(left[name], right[name]) for name in kinds}
    return Comparison(
        reference=left[list(kinds)],
        live=right[list(kinds)],
        kinds=kinds,
        features=features,
        unjudged={name: reason for name, reason in reasons.items() if reason},
    )


def _missing(feature: Feature) -> str:
    return f"{feature.name} missing"


def _columns(contract: Contract, table: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    for feature in contract.features:
        codes = feature.encode(table[feature.name])
        values = _values(feature, codes)
        states = np.select([np.isnan(codes), values.isna()], ["missing", "unreadable"], "known")
        columns |= {feature.name: values, _missing(feature): pd.Series(states, dtype=object)}
    return pd.DataFrame(columns | {PREDICTION: table[PREDICTION].reset_index(drop=True)})


def _values(feature: Feature, codes: np.ndarray) -> pd.Series:
    if feature.kind in ("integer", "number"):
        return pd.Series(np.where(np.isinf(codes), np.nan, codes))
    labels = pd.Series(codes).map(dict(enumerate(feature.labels or ("false", "true")))).astype(object)
    return labels.mask(labels.isna() & ~np.isnan(codes), "not in the contract")


def _why_not(reference: pd.Series, live: pd.Series) -> str:
    if reference.isna().all() or live.isna().all():
        sides = [side for side, values in (("reference", reference), ("live rows", live)) if values.isna().all()]
        return f"no value in the {' and the '.join(sides)}"
    seen = pd.concat([reference, live]).dropna().unique()
    return f"always {seen[0]}" if len(seen) == 1 else ""
