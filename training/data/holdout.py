"""The rows that a model never saw, and a trace of those that it did, as parts of its bundle.

    holdout.parquet   test rows: the contract's columns, the outcome, and what a logistic regression said of each
    seen.npy          (n,) uint32, ascending: the CRC-32 of the matrix row of every training row

So two models can be compared later on rows that neither learned from, by whoever has their bundles. A row that equals
one that was learned from counts as seen.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from models.bundles.bundle import HOLDOUT, SEEN, Bundle
from models.customer.contract import Contract, Labels, Matrix, Vector
from models.errors import FileUnreadable
from training.data.dataset_split import DatasetSplit
from training.data.mapping import TARGET

BASELINE = "baseline_probability"
_CHUNK_ROWS = 50_000
Traces = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Holdout:
    """Rows to judge by."""

    features: pd.DataFrame
    """The contract's columns."""
    churned: Labels
    baseline: Vector
    """What a logistic regression that learned from the same rows says, in [0, 1]."""

    def keep(self, rows: npt.NDArray[np.bool_]) -> "Holdout":
        """Return some of the rows."""
        return Holdout(self.features[rows], self.churned[rows], self.baseline[rows])


def write(folder: Path, parts: DatasetSplit, *, baseline: Vector) -> None:
    """Write both files; `baseline` is of the test rows, in their order."""
    test, chosen = parts.test, parts.test.kept
    told = {TARGET: test.churned[chosen].astype(bool), BASELINE: baseline[chosen].astype(np.float32)}
    test.rows.assign(**told).to_parquet(folder / HOLDOUT, index=False)
    chunks = (parts.matrix[first : first + _CHUNK_ROWS] for first in range(0, len(parts.matrix), _CHUNK_ROWS))
    np.save(folder / SEEN, np.unique(np.concatenate([_trace(chunk) for chunk in chunks])))


def read(bundle: Bundle, contract: Contract) -> Holdout:
    """Read the rows that a model never saw.

    Raises:
        FileUnreadable: the bundle holds none; those of before there was a gate do not.
    """
    rows = pq.read_table(_part(bundle, HOLDOUT)).to_pandas()
    return Holdout(
        features=rows[list(contract.names)],
        churned=rows[TARGET].to_numpy(np.int64),
        baseline=rows[BASELINE].to_numpy(np.float64),
    )


def untouched(challenger: Bundle, champion: Bundle, contract: Contract) -> Holdout:
    """Read the challenger's rows that neither learned from, nor from any that equals them.

    A customer who came twice, and was learned from once, would tell who remembers, not who predicts.

    Raises:
        FileUnreadable: a bundle lacks its rows or its trace.
    """
    rows = read(challenger, contract)
    ours, theirs = challenger.manifest, champion.manifest
    if (ours.data.sha256, ours.split) == (theirs.data.sha256, theirs.split):
        return rows  # the same rows were held out; some may be alike to others, which then both learned from
    seen = np.concatenate([np.load(_part(one, SEEN)) for one in (challenger, champion)])
    return rows.keep(~np.isin(_trace(contract.to_matrix(rows.features)), seen))


def _part(bundle: Bundle, name: str) -> Path:
    if name not in bundle.manifest.files:
        problem = "this bundle was published without it, so no other can be compared with it"
        raise FileUnreadable(path=bundle.path(name), problem=problem)
    return bundle.path(name)


def _trace(matrix: Matrix) -> Traces:
    rows = np.ascontiguousarray(matrix, dtype="<f4").view(f"V{4 * matrix.shape[1]}").ravel()
    return np.fromiter(map(zlib.crc32, rows.tolist()), np.uint32, len(rows))
