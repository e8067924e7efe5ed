"""Splits outcomes into rows that the map is learned from, and rows that judge it.

A hash of the encoded row decides, so a row stays on its side when the log grows. Rows that the champion was trained on
are in neither part: its probabilities of these are too good.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from models.bundles import quality
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import SEEN
from models.customer.contract import Labels, Mask
from training.data import holdout
from training.data.dataset_split import Traces
from training.data.datasets import Dataset
from training.data.splitting import Rows, Split
from training.recalibration.errors import TooFewOutcomes

MIN_ROWS = 100
"""Fewest outcomes of a part; two numbers are learned from them."""
_KEY = b"recalibration"


@dataclass(frozen=True)
class Parts:
    """The two parts, and what the published bundle keeps as seen."""

    split: Split
    """Its training rows are those of the map, its test rows those that judge it."""
    seen: Traces
    """Traces of all rows that trees or map were learned from, also those of the champion."""
    left_out: int
    """Rows in neither part, because the champion was trained on equal ones."""


def split(dataset: Dataset, champion: Bundle) -> Parts:
    """Split the outcomes in half, by customer where the source tells customers apart.

    Raises:
        TooFewOutcomes: a part has fewer than 100 rows, or fewer than 20 of a class.
        FileUnreadable: the champion has no traces of its training rows.
    """
    traces = holdout.traces(champion.contract.to_matrix(dataset.features))
    before = np.load(holdout.part(champion, SEEN))
    is_new = ~np.isin(traces, before)
    learns = _is_learned(traces if dataset.groups is None else _of_customers(traces, dataset.groups.codes))
    learned, judging = np.flatnonzero(is_new & learns), np.flatnonzero(is_new & ~learns)
    for part, rows in (("teaches the map", learned), ("judges it", judging)):
        _require_enough(dataset.churned[rows], part)
    told = (
        f"by a hash of each {'row' if dataset.groups is None else 'customer'}: the map was learned from "
        f"{len(learned):,} rows, and judged on {len(judging):,} others"
    )
    if left_out := int((~is_new).sum()):
        told += f"; {left_out:,} that equal a training row of the trees or of an earlier map are in neither part"
    return Parts(Split(learned, judging, (), told), np.union1d(before, traces[learned]), left_out)


def _require_enough(churned: Labels, part: str) -> None:
    if (problem := quality.shortage(churned, min_rows=MIN_ROWS)) is not None:
        raise TooFewOutcomes(part=part, problem=problem)


def _of_customers(traces: Traces, customers: Rows) -> Traces:
    """Return the trace of the first row of each row's customer."""
    _, first, of_row = np.unique(customers, return_index=True, return_inverse=True)
    return traces[first][of_row]


def _is_learned(traces: Traces) -> Mask:
    digests = (hashlib.blake2b(trace.tobytes(), key=_KEY, digest_size=1).digest() for trace in traces.astype("<u4"))
    return np.array([digest[0] % 2 == 0 for digest in digests], dtype=np.bool_)
