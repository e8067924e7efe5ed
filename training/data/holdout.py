"""The test rows of a model and the hashes of its training rows, as two files of its bundle.

    holdout.parquet   test rows: the contract's columns, the outcome, and the probability from a logistic regression;
                       where rows are grouped by customer, a number of the customer, which is no id
    seen.npy          (n,) uint32, ascending: the CRC-32 of the matrix row of every training row

With these files, two models can be compared later on rows that neither was trained on. A row that equals a training
row counts as a training row, unless both models were split by the hash of the same customer's id: then no customer of
the test rows was trained on, and equal rows are of different customers.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from models.bundles import resampling
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import HOLDOUT, SEEN
from models.columns.origins import TARGET
from models.customer.contract import Contract, Labels, Mask, Matrix, Vector
from models.customer.history import old_names
from models.errors import FileUnreadable
from training.data.dataset_split import DatasetSplit, Traces
from training.data.hashing import hash_split

BASELINE, CUSTOMER = "baseline_probability", "customer_number"
_CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class Holdout:
    """Rows to evaluate a model on."""

    features: pd.DataFrame
    """The contract's columns."""
    churned: Labels
    baseline: Vector
    """Probabilities from a logistic regression trained on the same training rows, in [0, 1]."""
    customers: Labels | None = None
    """(n,) the customer of each row, as a number; None if each row is of a customer of its own."""

    def keep(self, rows: Mask) -> "Holdout":
        """Return the rows that the mask selects."""
        own = None if self.customers is None else self.customers[rows]
        return Holdout(self.features[rows], self.churned[rows], self.baseline[rows], own)


def write(folder: Path, parts: DatasetSplit, *, baseline: Vector) -> None:
    """Write both files; `baseline` are the probabilities of all test rows, in their order."""
    test, chosen = parts.test, parts.test.kept
    added = {TARGET: test.churned[chosen].astype(bool), BASELINE: baseline[chosen].astype(np.float32)}
    numbers = resampling.numbered(None if test.customers is None else test.customers[chosen])
    if numbers is not None:
        added[CUSTOMER] = numbers
    test.rows.assign(**added).to_parquet(folder / HOLDOUT, index=False)
    chunks = (parts.matrix[first : first + _CHUNK_ROWS] for first in range(0, len(parts.matrix), _CHUNK_ROWS))
    all_traces = np.concatenate([traces(chunk) for chunk in chunks]) if parts.traces is None else parts.traces
    np.save(folder / SEEN, np.unique(all_traces))


def read(bundle: Bundle, contract: Contract) -> Holdout:
    """Read the test rows of a model in the contract's columns; what it was trained without is unknown.

    Raises:
        FileUnreadable: the bundle has none, because it was published before the promotion gate existed.
    """
    return _holdout(_stored(bundle), contract)


def unseen_by_both(challenger: Bundle, champion: Bundle, contract: Contract) -> Holdout:
    """Read the challenger's test rows that neither model was trained on, in the contract's columns.

    Rows that equal a training row are left out: they would favour a model that memorizes its training rows. Each model
    encodes the rows as its own training rows, with the levels that it has learned. None is left out if both models hold
    out the same customers.

    Raises:
        FileUnreadable: a bundle lacks its test rows or its hashes.
    """
    table = _stored(challenger)
    rows = _holdout(table, contract)
    if _has_same_rows(challenger, champion):
        return rows  # both models have the same test rows and training rows, so a repeated row favours neither
    if _hold_out_same_customers(challenger, champion):
        return rows  # a row that equals a training row is of another customer
    seen = [np.isin(traces(one.contract.to_matrix(table)), np.load(part(one, SEEN))) for one in (challenger, champion)]
    return rows.keep(~np.logical_or(*seen))


def why_incomparable(challenger: Bundle, champion: Bundle) -> str | None:
    """Return why it is unknown which test rows the champion was trained on; None if it is known."""
    if _has_same_rows(challenger, champion):
        return None
    ours = challenger.contract
    schemas = [feature.schema() for feature in ours.features]  # each model has learned its own levels
    lacking = [
        feature.name
        for feature in champion.contract.features
        if feature.name not in ours.names_set or (feature.name in ours.absent and feature.schema() not in schemas)
    ]
    if not lacking:
        return None
    return (
        f"{champion.manifest.version} was trained with {', '.join(lacking)}, which the challenger's test customers "
        "do not have, so it is unknown which of them it was trained on"
    )


def _has_same_rows(challenger: Bundle, champion: Bundle) -> bool:
    ours, theirs = challenger.manifest, champion.manifest
    return (ours.data.sha256, ours.split) == (theirs.data.sha256, theirs.split)


def _hold_out_same_customers(challenger: Bundle, champion: Bundle) -> bool:
    ours, theirs = (hash_split.customers_column(one.manifest.split) for one in (challenger, champion))
    return ours is not None and ours == theirs


def _stored(bundle: Bundle) -> pd.DataFrame:
    """Read the test rows as they were stored, with the names of today; fields that were removed keep theirs."""
    rows: pd.DataFrame = pq.read_table(part(bundle, HOLDOUT)).to_pandas()
    renamed = old_names.present(bundle.contract, rows.columns)
    return rows.rename(columns={old: name for name, old in renamed.items()})


def _holdout(rows: pd.DataFrame, contract: Contract) -> Holdout:
    return Holdout(
        features=rows.reindex(columns=list(contract.names)),
        churned=rows[TARGET].to_numpy(np.int64),
        baseline=rows[BASELINE].to_numpy(np.float64),
        customers=rows[CUSTOMER].to_numpy(np.int64) if CUSTOMER in rows else None,
    )


def part(bundle: Bundle, name: str) -> Path:
    """Return the path of one of the two files.

    Raises:
        FileUnreadable: the bundle lacks it.
    """
    if name not in bundle.manifest.files:
        problem = "this bundle was published without it, so it cannot be compared with another model"
        raise FileUnreadable(path=bundle.path(name), problem=problem)
    return bundle.path(name)


def traces(matrix: Matrix) -> Traces:
    """Return the CRC-32 of each row of a matrix."""
    rows = np.ascontiguousarray(matrix, dtype="<f4").view(f"V{4 * matrix.shape[1]}").ravel()
    return np.fromiter(map(zlib.crc32, rows.tolist()), np.uint32, len(rows))
