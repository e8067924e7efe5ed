"""Evaluates the model on groups (slices) of the test set: by every feature and by other columns of the source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate, selection_rate

from models.bundles import quality, segments
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment
from models.customer.contract import Contract, Labels, Vector
from models.customer.feature import Feature
from training.data.datasets import Dataset
from training.data.splitting import Split
from training.errors import SliceBelowFloor, SliceTooFine

MIN_ROWS = 100
"""Smaller groups get no figures: the confidence intervals would be too wide to be useful."""
_MOST_CATEGORIES = 20
_RATES = {
    "selection_rate": selection_rate,
    "false_positive_rate": false_positive_rate,
    "false_negative_rate": false_negative_rate,
}


@dataclass(frozen=True)
class Column:
    """A column that customers are grouped by: a feature, or another source column described like one."""

    feature: Feature
    values: Vector
    """(n,) encoded values of the test rows."""
    quarters: Vector
    """(5,) minimum, quartiles and maximum of a number in the training rows; empty for categories, or if unknown."""


def columns(dataset: Dataset, split: Split, contract: Contract, others: Sequence[str]) -> list[Column]:
    """Return the columns that customers are grouped by: the features, and the named other columns of the source.

    Raises:
        SliceTooFine: a text column has more than twenty different values.
    """
    asked = (dataset.others[name] for name in others if name not in contract.names_of_today)
    return [
        *(_column(feature, dataset.features[feature.name], split) for feature in contract.features),
        *(_column(_as_feature(cells), cells, split) for cells in asked),
    ]


def measure(
    columns: Sequence[Column],
    churned: Labels,
    probability: Vector,
    policy: RiskPolicy,
    customers: Labels | None = None,
) -> tuple[list[Segment], dict[str, dict[str, float]]]:
    """Compute the figures of every group of the test set, and the largest difference of each rate within a column.

    Numbers are grouped by the quartiles of the training rows. `customers` (n,) has the customer of each row; None if
    each row is of a customer of its own.
    """
    found = segments.find(
        [(column.feature, column.values, column.quarters) for column in columns],
        probability=probability,
        churned=churned,
        policy=policy,
        min_rows=MIN_ROWS,
        customers=customers,
    )
    decided = (probability >= policy.threshold).astype(np.int64)
    differences = {column.feature.name: _differences(_cells_of(column, churned, decided)) for column in columns}
    return found, {name: rates for name, rates in differences.items() if rates}


def require_floor(found: Sequence[Segment], floor: float) -> None:
    """Check that no group has a ROC-AUC below the floor; groups without figures are skipped.

    Raises:
        SliceBelowFloor: some groups are below it.
    """
    below = {
        segment.name: segment.figures["roc_auc"].value
        for segment in found
        if segment.figures and segment.figures["roc_auc"].value < floor
    }
    if below:
        raise SliceBelowFloor(below=below, floor=floor)


def _column(feature: Feature, cells: pd.Series, split: Split) -> Column:
    values, quarters = feature.encode(cells.iloc[split.test]), np.array([])
    if feature.kind in ("integer", "number"):
        training = feature.encode(cells.iloc[split.training])
        known = training[np.isfinite(training)]
        quarters = np.quantile(known, [0, 0.25, 0.5, 0.75, 1], overwrite_input=True) if len(known) else known
    return Column(feature, values, quarters)


def _cells_of(column: Column, churned: Labels, decided: Labels) -> pd.DataFrame:
    """Count the customers of each group that has figures, by outcome and decision; empty for fewer than two groups."""
    counted = [
        pd.DataFrame(
            {
                "group": name,
                "churned": [0, 0, 1, 1],
                "decided": [0, 1, 0, 1],
                "customers": np.bincount(2 * churned[inside] + decided[inside], minlength=4),
            }
        )
        for name, inside in segments.split(column.feature, column.values, column.quarters)
        if quality.shortage(churned[inside], min_rows=MIN_ROWS) is None
    ]
    return pd.concat(counted) if len(counted) > 1 else pd.DataFrame()


def _differences(cells: pd.DataFrame) -> dict[str, float]:
    """Return the largest difference of each rate between two groups; empty for fewer than two groups."""
    if cells.empty:
        return {}
    frame = MetricFrame(
        metrics=_RATES,
        y_true=cells["churned"],
        y_pred=cells["decided"],
        sensitive_features=cells["group"],
        sample_params={name: {"sample_weight": cells["customers"]} for name in _RATES},
    )
    return {name: float(value) for name, value in frame.difference().items()}


def _as_feature(column: pd.Series) -> Feature:
    """Describe a source column like a feature: a category if it has few different values, otherwise a number."""
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
        labels=tuple(map(_label, values)) if are_few else (),
        at_least=None,
        unit=None,
        description="",
        phrase="",
        example=None,
    )


def _label(value: float | str) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
