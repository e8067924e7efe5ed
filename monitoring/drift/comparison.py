"""Reference and live rows as comparable columns of numbers and of labels.

A null or unreadable value is left out of its column and counted in the column `<name> missing`, so that a field which
clients stop sending shows as drift. The predictions are a column too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from models.customer.contract import Contract
from models.customer.feature import Feature
from monitoring.drift import level_groups

Kind = Literal["number", "label"]
"""How a column is compared: integers and numbers by their distribution, all others by the shares of their labels."""
PREDICTION = "churn_probability"
"""The column of predictions, in both tables."""


@dataclass(frozen=True)
class Comparison:
    """Both tables with the same columns in the same order; NaN and None mean missing."""

    reference: pd.DataFrame
    live: pd.DataFrame
    kinds: Mapping[str, Kind]
    features: Mapping[str, str]
    """Column to its feature; the predictions are not in it."""
    unjudged: Mapping[str, str]
    """Column to the reason why it has no distance."""

    @property
    def judged(self) -> list[str]:
        """The columns that have a distance."""
        return [name for name in self.kinds if name not in self.unjudged]


def compare(contract: Contract, reference: pd.DataFrame, live: pd.DataFrame) -> Comparison:
    """Make two tables comparable; each has the contract's columns and the column of predictions."""
    left, right = _columns(contract, reference), _columns(contract, live)
    for feature in contract.open_categories:
        name = feature.name
        left[name], right[name] = level_groups.group(feature, reference[name], live[name])
    kinds: dict[str, Kind] = {}
    features: dict[str, str] = {}
    for feature in contract.features:
        kinds[feature.name] = "number" if feature.kind in ("integer", "number") else "label"
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
    return labels.mask(labels.isna() & ~np.isnan(codes), level_groups.UNREADABLE)


def _why_not(reference: pd.Series, live: pd.Series) -> str:
    if reference.isna().all() or live.isna().all():
        sides = [side for side, values in (("reference", reference), ("live rows", live)) if values.isna().all()]
        return f"no value in the {' and the '.join(sides)}"
    seen = pd.concat([reference, live]).dropna().unique()
    return f"always {seen[0]}" if len(seen) == 1 else ""
