"""What is learned from and what is judged on, without the table that both were taken from.

Of many rows, that table is most of what a fit would hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.bundles.manifest import Provenance
from models.customer.contract import Contract, Labels, Matrix, Vector
from training.data import slices
from training.data.datasets import Dataset
from training.data.slices import Column
from training.data.splitting import Folds, Rows, Split

REFERENCE_ROWS = 5_000
HOLDOUT_ROWS = 50_000
"""Of a larger test set a sample: differences of ROC-AUC between two models are then known to some 0.001."""


@dataclass(frozen=True)
class HeldOut:
    """The test set: rows that are judged on, once."""

    matrix: Matrix
    churned: Labels
    true_probability: Vector | None
    columns: Sequence[Column]
    """The features, and other columns of the source, by which groups are made."""
    rows: pd.DataFrame
    """At most 50,000 of them, as they came, for comparisons with other models."""
    kept: Rows
    """Their positions among the test rows."""


@dataclass(frozen=True)
class DatasetSplit:
    """A data set, parted."""

    matrix: Matrix
    """The training rows."""
    churned: Labels
    """Outcomes of the training rows."""
    folds: Folds
    reference: pd.DataFrame
    """At most 5,000 of the training rows, as they came."""
    test: HeldOut
    provenance: Provenance
    told: str
    """How the parts were made, in words."""


class _Taken:
    """Some rows of a table, of which a column is taken when it is asked for."""

    def __init__(self, table: pd.DataFrame, rows: Rows) -> None:
        self._table, self._rows = table, rows

    def __getitem__(self, name: str) -> pd.Series:
        return self._table[name].iloc[self._rows]


def take(dataset: Dataset, split: Split, contract: Contract, *, others: Sequence[str], seed: int) -> DatasetSplit:
    """Take both parts; `others` name columns of the source that make groups, and the seed draws the reference.

    Raises:
        SliceTooFine: one of them has more than twenty texts.
    """
    features, truth = dataset.features, dataset.true_probability
    kept = _some(np.arange(len(split.test)), HOLDOUT_ROWS, seed)
    return DatasetSplit(
        matrix=contract.to_matrix(_Taken(features, split.training)),
        churned=dataset.churned[split.training],
        folds=split.folds,
        reference=features.iloc[_some(split.training, REFERENCE_ROWS, seed)],
        test=HeldOut(
            matrix=contract.to_matrix(_Taken(features, split.test)),
            churned=dataset.churned[split.test],
            true_probability=None if truth is None else truth[split.test],
            columns=slices.columns(dataset, split, contract, others),
            rows=features.iloc[split.test[kept]],
            kept=kept,
        ),
        provenance=dataset.provenance,
        told=split.told,
    )


def _some(rows: Rows, most: int, seed: int) -> Rows:
    if len(rows) <= most:
        return rows
    drawn: Rows = pd.Series(rows).sample(most, random_state=seed).to_numpy()
    return drawn
