"""What is done with each part of a table: the first pass counts and samples its rows, the second one snaps them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.customer import parsing
from models.customer.contract import Contract, Mask
from training.data import holdout, learned_levels
from training.data.dataset_split import Traces
from training.data.hashing import hash_split, row_hash
from training.data.hashing.row_hash import Hashes
from training.partitioned import checked_rows, edges, samples, snapped_part
from training.partitioned.checked_rows import CheckedRows, Findings, Source
from training.partitioned.edges import Counts
from training.partitioned.samples import Sample, Sampling
from training.partitioned.snapped_part import Edges, SnappedPart
from training.partitioned.tables.source_table import Part

SAMPLED_ROWS = 200_000
"""Most training rows, and most test rows, that are kept as they are: a fit of a million rows judges as many."""
_WRITTEN = (bool, pd.Timestamp, pd.Timedelta)
_DIGEST_SALTS = (0x1, 0x2)
Digest = npt.NDArray[np.uint64]
"""(2,) sums of hashes of all rows, modulo 2^64."""


@dataclass(frozen=True)
class Task:
    """What is done with every part of a table."""

    source: Source
    contract: Contract
    seed: int
    group: str | None = None
    """The column with the customer of each row."""


@dataclass(frozen=True)
class Summary:
    """What the first pass finds in some parts; the order in which parts are merged changes nothing."""

    findings: Findings
    digest: Digest
    rows: npt.NDArray[np.int64]
    """(2, 2) training rows and test rows, by outcome."""
    counts: Sequence[Counts]
    """Of the training rows, for each column of the matrix."""
    levels: dict[str, Counter[str]]
    """Of the training rows, for each open category."""
    training: Sample
    test: Sample
    unknown_customers: int

    def merged(self, other: "Summary") -> "Summary":
        """Return what both found; this one is used up."""
        self.findings.add(other.findings)
        return Summary(
            self.findings,
            self.digest + other.digest,
            self.rows + other.rows,
            [first.merged(second) for first, second in zip(self.counts, other.counts, strict=True)],
            {name: learned_levels.added(name, self.levels[name], other.levels[name]) for name in self.levels},
            samples.joined([self.training, other.training]),
            samples.joined([self.test, other.test]),
            self.unknown_customers + other.unknown_customers,
        )


@dataclass(frozen=True)
class Encoded:
    """A part after the second pass."""

    rows: SnappedPart
    """The training rows; of the test rows, only those that were sampled are needed."""
    traces: Traces
    """Of the same rows, each once."""
    customers: Hashes
    """Of the test rows, too, each once; empty if rows are not grouped by customer."""
    digest: Digest
    """As in the summary: the rows may have changed since."""


def summarise(task: Task, part: Part) -> Summary | None:
    """Read a part for the first time; None if it has no rows."""
    findings = Findings()
    summing = _Summing(task, findings)
    for rows in checked_rows.read(task.source, task.contract, part, findings):
        summing.add(rows)
    return summing.result() if findings.rows or findings.left_out else None


def encode(task: Task, edges: Edges, part: Part) -> Encoded:
    """Read a part again, and keep one byte of each value of its training rows.

    The task's contract knows the levels of its open categories.
    """
    width = len(task.contract.matrix_columns)
    codes, churned, hashes = [np.zeros((0, width), np.uint8)], [np.zeros(0, np.bool_)], [np.zeros(0, np.uint64)]
    seen, customers = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint64)]
    digest = np.zeros(2, np.uint64)
    for rows in checked_rows.read(task.source, task.contract, part):
        content = row_hash.of(rows.features, task.contract)
        digest += _digest(_labelled(rows, content))
        own, _ = _drawn_by(task, rows, content)
        training = ~hash_split.test_rows().of(own)
        matrix = task.contract.to_matrix(rows.features)[training]
        codes.append(snapped_part.snap(matrix, edges))
        churned.append(rows.churned[training].astype(np.bool_))
        hashes.append(own[training])
        seen.append(holdout.traces(matrix))
        if task.group is not None:
            customers.append(np.unique(own))
    kept = SnappedPart(np.concatenate(codes), np.concatenate(churned), np.concatenate(hashes))
    return Encoded(kept, np.unique(np.concatenate(seen)), np.unique(np.concatenate(customers)), digest)


def traces(part: Encoded) -> Traces:
    """Return the traces of a part."""
    return part.traces


def snapped(part: Encoded) -> SnappedPart:
    """Return the rows of a part, without their traces."""
    return part.rows


def digest(part: Encoded) -> Digest:
    """Return the digest of a part."""
    return part.digest


def customers(part: Encoded) -> Hashes:
    """Return the hashes of the customers of a part."""
    return part.customers


class _Summing:
    """Counts and samples the rows of a part, a chunk at a time."""

    def __init__(self, task: Task, findings: Findings) -> None:
        self._task, self._findings = task, findings
        self._digest, self._rows = np.zeros(2, np.uint64), np.zeros((2, 2), np.int64)
        self._counts = [edges.none() for _ in task.contract.matrix_columns]
        self._levels: dict[str, Counter[str]] = {feature.name: Counter() for feature in task.contract.open_categories}
        self._samples = Sampling(SAMPLED_ROWS), Sampling(SAMPLED_ROWS)
        self._unknown = 0

    def add(self, rows: CheckedRows) -> None:
        """Add a chunk."""
        task = self._task
        content = row_hash.of(rows.features, task.contract)
        labelled = _labelled(rows, content)
        self._digest += _digest(labelled)
        own, unknown = _drawn_by(task, rows, content)
        self._unknown += unknown
        test = hash_split.test_rows().of(own)
        self._rows += np.bincount(2 * test + rows.churned, minlength=4).reshape(2, 2)
        self._count(rows, ~test)
        others = _plain(rows.others)
        ties = labelled
        for name in others:
            ties = row_hash.combined(ties, row_hash.of_texts(others[name].map(parsing.whole)))
        drawn = row_hash.uniform(own, f"{task.seed}/sample")
        sample = Sample(SAMPLED_ROWS, drawn, ties, own, rows.features, rows.churned, others)
        for sampling, chosen in zip(self._samples, (~test, test), strict=True):
            sampling.add(sample.take(np.flatnonzero(chosen)))

    def _count(self, rows: CheckedRows, training: Mask) -> None:
        learned = rows.features[training]
        matrix = self._task.contract.to_matrix(learned)
        self._counts = [found.merged(edges.count(matrix[:, at])) for at, found in enumerate(self._counts)]
        for name, levels in self._levels.items():
            counted = learned[name].value_counts().to_dict()
            self._levels[name] = learned_levels.added(
                name, levels, Counter({str(key): n for key, n in counted.items()})
            )

    def result(self) -> Summary:
        """Return the summary of all chunks."""
        training, test = (sampling.result() for sampling in self._samples)
        return Summary(
            self._findings, self._digest, self._rows, self._counts, self._levels, training, test, self._unknown
        )


def _labelled(rows: CheckedRows, content: Hashes) -> Hashes:
    """Return the hashes of features and outcomes."""
    return row_hash.combined(content, rows.churned.astype(np.uint64))


def _digest(labelled: Hashes) -> Digest:
    sums = [row_hash.mixed(labelled ^ np.uint64(salt)).sum(dtype=np.uint64) for salt in _DIGEST_SALTS]
    return np.array(sums, dtype=np.uint64)


def _drawn_by(task: Task, rows: CheckedRows, content: Hashes) -> tuple[Hashes, int]:
    """Return the hashes that rows are drawn by, and the number of rows whose customer is unknown."""
    if task.group is None:
        return content, 0
    return row_hash.of_customers(rows.others[task.group], task.source.mapping.csv.nulls)


def _plain(others: pd.DataFrame) -> pd.DataFrame:
    """Write booleans and times as texts, each alone: pandas writes a chunk of midnights without the time."""
    plain = {}
    for name, column in others.items():
        texts = [str(cell) if isinstance(cell, _WRITTEN) else cell for cell in column.tolist()]
        plain[name] = pd.Series(texts, dtype=object).where(column.notna(), None)
    return pd.DataFrame(plain, index=others.index)
