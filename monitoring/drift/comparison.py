"""Reference and live rows as comparable columns of numbers and of labels.

A null or unreadable value is left out of its column and counted in the column `<name> missing`, so that a field which
clients stop sending shows as drift. The predictions are a column too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.customer.contract import Contract
from models.customer.feature import Feature
from monitoring.drift import level_groups, rare_labels, row_counts
from monitoring.drift.column_pair import Kind, LabelPair, NumberPair, Pair
from monitoring.drift.level_groups import Grouping
from monitoring.drift.rare_labels import Pooling
from monitoring.drift.row_counts import PREDICTION, UNREADABLE, RowCounts, Values


@dataclass(frozen=True)
class Comparison:
    """Both tables with the same columns in the same order; NaN and None mean missing."""

    reference: pd.DataFrame
    live: pd.DataFrame
    """All live rows, or a sample of them; only the report draws them."""
    pairs: Mapping[str, Pair]
    """Column to the counts of all reference rows and of all live rows, which decide."""
    features: Mapping[str, str]
    """Column to its feature; the predictions are not in it."""

    @property
    def kinds(self) -> dict[str, Kind]:
        """Column to how it is compared."""
        return {name: pair.kind for name, pair in self.pairs.items()}

    @property
    def unjudged(self) -> dict[str, str]:
        """Column to the reason why it has no distance."""
        reasons = {name: _why_not(pair) for name, pair in self.pairs.items()}
        return {name: reason for name, reason in reasons.items() if reason}

    @property
    def judged(self) -> list[str]:
        """The columns that have a distance."""
        unjudged = self.unjudged
        return [name for name in self.pairs if name not in unjudged]

    @property
    def empty_when_drawn(self) -> dict[str, str]:
        """Judged column to the table that draws no value of it: a few values among all rows may miss the sample."""
        sides = {"reference rows": self.reference, "live rows": self.live}
        return {
            name: f"none of the {len(table):,} drawn {side} has a value of them"
            for side, table in sides.items()
            for name in self.judged
            if not table[name].notna().any()
        }


def compare(
    contract: Contract, reference: pd.DataFrame, live: pd.DataFrame, counted: RowCounts | None = None
) -> Comparison:
    """Make two tables comparable; each has the contract's columns and the column of predictions.

    `counted` are the counts of all live rows, at the points of the reference, if `live` is a sample of them.
    """
    at = row_counts.points(contract, reference)
    left = row_counts.count(contract, reference, at)
    right = row_counts.count(contract, live, at) if counted is None else counted
    groupings = {
        feature.name: level_groups.choose(feature, right.columns[feature.name], rows=(left.rows, right.rows))
        for feature in contract.open_categories
    }
    pairs: dict[str, Pair] = {}
    poolings: dict[str, Pooling] = {}
    features: dict[str, str] = {}
    for feature in contract.features:
        sides = left.columns[feature.name], right.columns[feature.name]
        if feature.name in at:
            pairs[feature.name] = NumberPair(at[feature.name], sides[0].cells, sides[1].cells)
        else:
            counted_labels = [_labels(values, groupings.get(feature.name)) for values in sides]
            if feature.name not in groupings and (pooling := rare_labels.choose(*counted_labels)):
                poolings[feature.name] = pooling
                counted_labels = [pooling.count(labels) for labels in counted_labels]
            pairs[feature.name] = LabelPair(*counted_labels)
        features[feature.name] = features[name := _missing(feature)] = feature.name
        states = [_states(feature, counts.columns[feature.name], counts.rows) for counts in (left, right)]
        if any(side.keys() != {"known"} for side in states):
            pairs[name] = LabelPair(*states)
    predictions = (counts.columns[PREDICTION].cells for counts in (left, right))
    pairs[PREDICTION] = NumberPair(at[PREDICTION], *predictions)
    shown = [_columns(contract, table, groupings, poolings)[list(pairs)] for table in (reference, live)]
    return Comparison(shown[0], shown[1], pairs, features)


def _missing(feature: Feature) -> str:
    return f"{feature.name} missing"


def _labels(values: Values, grouping: Grouping | None) -> Mapping[str, int]:
    if grouping is not None:
        return grouping.count(values)
    return values.labels | ({UNREADABLE: values.unreadable} if values.unreadable else {})


def _states(feature: Feature, values: Values, rows: int) -> dict[str, int]:
    unreadable = values.unreadable if feature.kind in ("integer", "number") else 0  # others have a label for it
    states = {"known": rows - values.missing - unreadable, "missing": values.missing, "unreadable": unreadable}
    return {state: count for state, count in states.items() if count}


def _columns(
    contract: Contract, table: pd.DataFrame, groupings: Mapping[str, Grouping], poolings: Mapping[str, Pooling]
) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    for feature in contract.features:
        codes = feature.encode(table[feature.name])
        values = _values(feature, codes)
        states = np.select([np.isnan(codes), values.isna()], ["missing", "unreadable"], "known")
        columns |= {feature.name: values, _missing(feature): pd.Series(states, dtype=object)}
    for name, grouping in groupings.items():
        columns[name] = grouping.of_rows(table[name])
    for name, pooling in poolings.items():
        columns[name] = pooling.of_rows(columns[name])
    return pd.DataFrame(columns | {PREDICTION: table[PREDICTION].reset_index(drop=True)})


def _values(feature: Feature, codes: np.ndarray) -> pd.Series:
    if feature.kind in ("integer", "number"):
        return pd.Series(np.where(np.isinf(codes), np.nan, codes))
    labels = pd.Series(codes).map(dict(enumerate(row_counts.labels_of(feature)))).astype(object)
    return labels.mask(labels.isna() & ~np.isnan(codes), UNREADABLE)


def _why_not(pair: Pair) -> str:
    if not all(pair.rows):
        sides = [side for side, rows in zip(("reference", "live rows"), pair.rows, strict=True) if not rows]
        return f"no value in the {' and the '.join(sides)}"
    return f"always {pair.only}" if pair.only is not None else ""
