"""Simulates the drift job that looks every hour at the customers of the last day, with the job's own limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from demo import synthetic_customers
from models.customer.contract import Vector
from models.customer.feature import Feature
from models.features import CONTRACT
from monitoring.drift import distances, limits, row_counts
from monitoring.drift.baseline import Baseline
from monitoring.drift.column_pair import LabelPair, NumberPair, Pair
from monitoring.drift.comparison import Comparison, compare
from monitoring.drift.row_counts import PREDICTION, Cells

HOURS = 24
"""Hours of a window."""


@dataclass(frozen=True)
class Look:
    """The columns that a look found beyond each of the limits."""

    hour: int
    drifted: Mapping[float, frozenset[str]]
    """False alarm rate of a look to the columns."""


def draw_reference(learned: Baseline, seed: int) -> Baseline:
    """Return the baseline with new reference rows from the population of the training data."""
    table = synthetic_customers.calm(len(learned.table), seed=seed)
    return replace(learned, table=table.assign(**{PREDICTION: learned.predict(table)}))


def look(learned: Baseline, rows: pd.DataFrame, per_hour: int, rates: tuple[float, ...]) -> Iterator[Look]:
    """Look each hour at the last day of rows, which come `per_hour` an hour and have predictions."""
    first = compare(CONTRACT, learned.table, rows[: HOURS * per_hour])
    limits_of = {rate: limits.find_limits(first, false_alarm_rate=rate, min_distance=0.05) for rate in rates}
    places = {name: cells(name, rows, first) for name in first.judged}
    window = {name: np.zeros(_size(first.pairs[name]), dtype=np.int64) for name in places}
    for hour in range(len(rows) // per_hour):
        new, old = (slice(per_hour * at, per_hour * (at + 1)) for at in (hour, hour - HOURS))
        for name, counts in window.items():
            np.add.at(counts, places[name][new], 1)
            if hour >= HOURS:
                np.subtract.at(counts, places[name][old], 1)
        if hour >= HOURS - 1:
            found = {name: distances.between(_pair(first.pairs[name], counts)) for name, counts in window.items()}
            yield Look(
                hour,
                {
                    rate: frozenset(name for name, far in found.items() if far >= limits_of[rate][name])
                    for rate in rates
                },
            )


def is_drift(learned: Baseline, columns: frozenset[str], min_drift_share: float) -> bool:
    """Return the verdict: the predictions drifted, or features of so much importance."""
    features = {name.removesuffix(" missing") for name in columns}
    share = sum(learned.importance.get(name, 0) for name in features)
    return PREDICTION in columns or share >= min_drift_share


def _size(pair: Pair) -> int:
    return (len(pair.reference) if isinstance(pair, NumberPair) else len(pair.labels)) + 1


def _pair(first: Pair, counts: Cells) -> Pair:
    """Return the pair of a window; its last count is of the rows that have no value."""
    if isinstance(first, NumberPair):
        return NumberPair(first.points, first.reference, counts[:-1])
    return LabelPair(first.reference, dict(zip(first.labels, counts[:-1].tolist(), strict=True)))


def cells(name: str, rows: pd.DataFrame, first: Comparison) -> Cells:
    """Return where each row is counted in a column of the job; behind all others if it has no value."""
    pair = first.pairs[name]
    if isinstance(pair, NumberPair):
        return _places(_values(name, rows), pair.points)
    feature = _feature(first.features[name])
    codes = feature.encode(rows[feature.name])
    if name == feature.name:
        labels = np.array([pair.labels.index(label) for label in row_counts.labels_of(feature)])
        return labels[codes.astype(np.int64)]
    return np.where(np.isnan(codes), pair.labels.index("missing"), pair.labels.index("known"))


def _places(values: Vector, points: Vector) -> Cells:
    place = np.searchsorted(points, values)
    cell = 2 * place + (np.append(points, np.inf)[np.minimum(place, len(points))] == values)
    return np.where(np.isnan(values), 2 * len(points) + 1, cell)


def _values(name: str, rows: pd.DataFrame) -> Vector:
    return rows[name].to_numpy(np.float64) if name == PREDICTION else _feature(name).encode(rows[name])


def _feature(name: str) -> Feature:
    return next(feature for feature in CONTRACT.features if feature.name == name)
