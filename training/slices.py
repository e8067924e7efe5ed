"""For whom a model fails: the test set by groups of customers, by every feature and by other columns of the source.

Knows nothing of the model. The only module that knows Fairlearn.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate, selection_rate

from models import segments
from models.contract import Contract, Feature, Labels, Vector
from models.risk import RiskPolicy
from models.segments import Segment
from training.data import Dataset
from training.errors import SliceBelowFloor, SliceTooFine
from training.splitting import Split

MIN_ROWS = 100
"""A smaller group has no figures: their intervals would span anything."""
_MOST_CATEGORIES = 20
_RATED_ROWS = 20_000
"""Most rows whose rates are compared: Fairlearn takes 50 µs for each."""
_RATES = {
    "selection_rate": selection_rate,
    "false_positive_rate": false_positive_rate,
    "false_negative_rate": false_negative_rate,
}


def columns(dataset: Dataset, contract: Contract, others: Sequence[str]) -> list[Feature]:
    """Return the features, and other columns of the source as if they were features.

    Raises:
        SliceTooFine: a column of texts has more than twenty.
    """
    return [*contract.features, *(_as_feature(dataset.others[name]) for name in others if name not in contract.names)]


def measure(
    columns: Sequence[Feature], dataset: Dataset, split: Split, probability: Vector, policy: RiskPolicy
) -> tuple[list[Segment], dict[str, dict[str, float]]]:
    """Measure every group of the test set, and the largest differences of rates between the groups of a column.

    Bands of numbers are the quarters of the training rows.
    """
    values, reference = (
        {column.name: column.encode(_cells(dataset, column.name).iloc[rows]) for column in columns}
        for rows in (split.test, split.training)
    )
    churned = dataset.churned[split.test]
    found = segments.find(
        columns, values, reference, probability=probability, churned=churned, policy=policy, min_rows=MIN_ROWS
    )
    decided = (probability >= policy.threshold).astype(np.int64)
    differences = {
        column.name: _differences(_groups(column, values, reference), churned, decided) for column in columns
    }
    return found, {name: rates for name, rates in differences.items() if rates}


def require_floor(found: Sequence[Segment], floor: float) -> None:
    """Make sure that no group is ranked worse than it may be; groups without figures cannot be judged.

    Raises:
        SliceBelowFloor: some are, by name.
    """
    below = {
        segment.name: segment.figures["roc_auc"].value
        for segment in found
        if segment.figures and segment.figures["roc_auc"].value < floor
    }
    if below:
        raise SliceBelowFloor(below=below, floor=floor)


def _cells(dataset: Dataset, name: str) -> pd.Series:
    return dataset.features[name] if name in dataset.features else dataset.others[name]


def _groups(column: Feature, values: dict[str, Vector], reference: dict[str, Vector]) -> Iterator[tuple[str, Labels]]:
    for name, inside in segments.split(column, values[column.name], reference[column.name]):
        if inside.sum() >= MIN_ROWS:
            yield name, np.flatnonzero(inside)


def _differences(groups: Iterator[tuple[str, Labels]], churned: Labels, decided: Labels) -> dict[str, float]:
    """Return the largest difference of each rate between two groups; nothing where there are not two."""
    named = list(groups)
    if len(named) < 2:
        return {}
    rows = np.concatenate([rows for _, rows in named])
    group = np.repeat([name for name, _ in named], [len(rows) for _, rows in named])
    if len(rows) > _RATED_ROWS:
        drawn = np.random.default_rng(0).choice(len(rows), _RATED_ROWS, replace=False)
        rows, group = rows[drawn], group[drawn]
    frame = MetricFrame(metrics=_RATES, y_true=churned[rows], y_pred=decided[rows], sensitive_features=group)
    return {name: float(value) for name, value in frame.difference().items()}


def _as_feature(column: pd.Series) -> Feature:
    """Read a column that is no feature: few different values as categories, other numbers as bands."""
    values = sorted(column.dropna().unique().tolist())
    are_numbers = bool(pd.api.types.is_numeric_dtype(column))
    are_few = len(values) <= _MOST_CATEGORIES
    if not are_few and not are_numbers:
        raise SliceTooFine(column=str(column.name), categories=len(values), limit=_MOST_CATEGORIES)
    return Feature(
        name=str(column.name),
        kind="category" if are_few else "number",
        nullable=bool(column.isna().any()),
        limits={},
        categories=tuple(values) if are_few else (),
        labels=tuple(f"{value:g}" if are_numbers else value for value in values) if are_few else (),
        at_least=None,
        unit=None,
        description="",
        phrase="",
        example=None,
    )
