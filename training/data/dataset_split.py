"""The training rows and the test set as arrays, without the source table.

The table of a large data set takes most of a fit's memory, so a fit frees it first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.bundles.format.provenance import Provenance
from models.customer.contract import Contract, Labels, Matrix, Vector
from training.data import slices
from training.data.datasets import Dataset
from training.data.hashing import repeats
from training.data.slices import Column
from training.data.splitting import Folds, Rows, Split

REFERENCE_ROWS = 5_000
HOLDOUT_ROWS = 50_000
"""Most test rows that a bundle keeps: enough to know the difference in ROC-AUC of two models to about 0.001."""
Traces = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class TestSet:
    """The test set, which is evaluated once."""

    matrix: Matrix
    churned: Labels
    true_probability: Vector | None
    columns: Sequence[Column]
    """The columns that customers are grouped by: every feature, and other columns of the source."""
    rows: pd.DataFrame
    """A sample of at most 50,000 test rows, unencoded, for comparisons with other models."""
    kept: Rows
    """Positions of `rows` among the test rows."""
    customers: Rows | None = None
    """The customer of each test row, as a number, or the number of equal rows if many are equal; None otherwise."""


@dataclass(frozen=True)
class DatasetSplit:
    """A data set, split into training rows and a test set."""

    matrix: Matrix
    """The training rows."""
    churned: Labels
    """Outcomes of the training rows."""
    folds: Folds
    reference: pd.DataFrame
    """A sample of at most 5,000 training rows, unencoded."""
    customers: Rows | None
    """The customer of each training row, as a number; None if rows are not grouped."""
    test: TestSet
    provenance: Provenance
    told: str
    """How the rows were split, in words."""
    traces: Traces | None = None
    """CRC-32 of all training rows, if the matrix has only a sample of them."""


class _Taken:
    """Some rows of a table; a column is copied only when it is read."""

    def __init__(self, table: pd.DataFrame, rows: Rows) -> None:
        self._table, self._rows = table, rows

    def __getitem__(self, name: str) -> pd.Series:
        return self._table[name].iloc[self._rows]

    def __contains__(self, name: str) -> bool:
        return name in self._table


def take(dataset: Dataset, split: Split, contract: Contract, *, others: Sequence[str], seed: int) -> DatasetSplit:
    """Build the training matrix, the test set and the samples that a bundle keeps; `seed` draws the samples.

    `others` names more columns of the source that customers are grouped by.

    Raises:
        SliceTooFine: one of these columns has more than twenty different texts.
    """
    features, truth = dataset.features, dataset.true_probability
    kept = _some(np.arange(len(split.test)), HOLDOUT_ROWS, seed)
    groups, tested = dataset.groups, _Taken(features, split.test)
    return DatasetSplit(
        matrix=contract.to_matrix(_Taken(features, split.training)),
        churned=dataset.churned[split.training],
        folds=split.folds,
        reference=features.iloc[_some(split.training, REFERENCE_ROWS, seed)],
        customers=None if groups is None else groups.codes[split.training],
        test=TestSet(
            matrix=contract.to_matrix(tested),
            churned=dataset.churned[split.test],
            true_probability=None if truth is None else truth[split.test],
            columns=slices.columns(dataset, split, contract, others),
            rows=features.iloc[split.test[kept]],
            kept=kept,
            customers=repeats.customers(tested, contract, split.told) if groups is None else groups.codes[split.test],
        ),
        provenance=dataset.provenance,
        told=split.told,
    )


def _some(rows: Rows, most: int, seed: int) -> Rows:
    if len(rows) <= most:
        return rows
    drawn: Rows = pd.Series(rows).sample(most, random_state=seed).to_numpy()
    return drawn
