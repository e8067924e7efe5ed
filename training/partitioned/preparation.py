"""Prepares a fit in parts: two passes over the table, and samples of it for all that needs whole rows."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from xgboost import XGBClassifier

from models.addresses import redact_passwords
from models.bundles.format.provenance import Provenance
from models.columns import column_mapping, target_column
from models.columns.column_mapping import ColumnMapping
from models.customer.contract import Contract
from models.progress import Progress
from training import memory
from training.data import databases, dataset_split, datasets, leakage, learned_levels, other_columns, sources
from training.data.dataset_split import DatasetSplit
from training.data.datasets import Dataset
from training.data.hashing import hash_split, repeats
from training.errors import GroupingImpossible, TooFewRows
from training.partitioned import boosting, choice, edges, passes, sampled_table
from training.partitioned.checked_rows import Source
from training.partitioned.errors import SourceChanged
from training.partitioned.executor import Executor
from training.partitioned.passes import Summary, Task
from training.partitioned.snapped_part import Edges
from training.partitioned.tables.database_table import DatabaseTable
from training.partitioned.tables.file_table import FileTable
from training.partitioned.tables.source_table import Part, SourceTable
from training.settings import FitSettings

logger = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """What a fit goes on with."""

    dataset: Dataset
    """The rows; of a table in parts, the sampled training rows, and then the sampled test rows."""
    taken: DatasetSplit
    """The same rows, as arrays; what it says of the source is true of the whole table."""
    contract: Contract
    """With the levels that the training rows have."""
    warnings: list[str]
    rows: "SnappedRows | None" = None
    """All training rows of a table in parts; None for a table as a whole."""


@dataclass(frozen=True)
class SnappedRows:
    """All rows, where they lie."""

    parts: Sequence[Any]
    edges: Edges
    executor: Executor
    seed: int
    are_sampled: bool
    """Whether the sample has only some of them."""

    def fit(self, classifier: XGBClassifier, fold: int | None) -> XGBClassifier:
        """Fit a copy of a classifier on all training rows, or without those that a fold holds out."""
        memory.trim()  # the passes leave gaps between what is kept
        trained = hash_split.trained(self.seed, fold)
        return boosting.fit(classifier, self.parts, self.edges, trained=trained, executor=self.executor)

    def best_trees(self, classifier: XGBClassifier) -> int:
        """Return the number of trees with the lowest loss of the rows that the first fold holds out of all rows.

        It is at most `n_estimators`, and `early_stopping_rounds` trees without a lower loss end the search.
        """
        memory.trim()  # as above
        watched = hash_split.judged(self.seed, 0)
        plan = boosting.plan(classifier, self.edges, trained=hash_split.trained(self.seed, 0), watched=watched)
        return self.executor.together(partial(boosting.boost, plan=plan), self.parts).trees


def prepare(settings: FitSettings, contract: Contract, most_edges: int, executor: Executor) -> Prepared:
    """Read the table twice, a part at a time.

    Raises:
        DataError: the rows cannot be used for training; the subclass says why.
    """
    table = _table(settings)
    with table.reading():
        task = _task(settings, contract, table)
        pieces = table.parts(choice.PIECE_ROWS)
        known = [piece.rows for piece in pieces if piece.rows is not None]
        with Progress(2 * sum(known) or None) as progress:
            summary = _summarise(task, pieces, executor, progress)
            task = replace(task, contract=_learned(summary, contract))
            chosen = _edges(summary, task.contract, most_edges)
            progress.stage("encoding the rows")
            encode = partial(passes.encode, task, chosen)
            encoded = list(_stepping(executor.map(encode, pieces, keep=True), pieces, progress))
    memory.trim()
    if (sum(executor.map(passes.digest, encoded, keep=False)) != summary.digest).any():
        raise SourceChanged(source=table.name, remedy=table.unchanging)
    traces = np.unique(np.concatenate([*executor.map(passes.traces, encoded, keep=False)]))
    customers = None if task.group is None else _customers(executor, encoded)
    parts = list(executor.map(passes.snapped, encoded, keep=True))
    dataset, split = sampled_table.build(summary, settings, task, _provenance(summary, settings, customers))
    told = sampled_table.told(summary, split, settings, group=task.group, edges=most_edges)
    split = replace(split, told=told)
    contract = task.contract
    sampled = len(split.training) < int(summary.rows[0].sum())
    seen = traces if sampled and task.group is not None else None  # without groups, equal rows stay together
    warnings = leakage.check(dataset, split, contract, stop=settings.on_leak == "stop", seen=seen)
    taken = dataset_split.take(dataset, split, contract, others=settings.slices, seed=settings.seed)
    warnings = [*warnings, *repeats.doubts(taken.test.customers, summary.rows, told)]
    rows = SnappedRows(parts, chosen, executor, settings.seed, are_sampled=sampled)
    return Prepared(dataset, replace(taken, traces=traces), contract, warnings, rows)


def _table(settings: FitSettings) -> SourceTable:
    sources.require_fitting_options(settings)
    base = settings.base or ""
    if settings.base_kind == "database":
        query = databases.require_query(base, settings.query)
        return DatabaseTable(base, query, settings.partition_column or "")
    return FileTable(sources.locate(base))


def _task(settings: FitSettings, contract: Contract, table: SourceTable) -> Task:
    declared = column_mapping.read(settings.columns, contract)
    present = table.columns(declared.csv)
    mapping: ColumnMapping = declared.fitted(contract, present)
    column_mapping.require(mapping.source_columns(contract), present, remedy=mapping.remedy)
    others = other_columns.asked(settings, present, contract, mapping)
    column_mapping.require(others, present, remedy=other_columns.name_other_options)
    return Task(Source(table, mapping, tuple(others)), contract, settings.seed, settings.group_column)


def _summarise(task: Task, pieces: Sequence[Part], executor: Executor, progress: Progress) -> Summary:
    progress.stage("reading the rows")
    found: Summary | None = None
    for one in _stepping(executor.map(partial(passes.summarise, task), pieces, keep=False), pieces, progress):
        found = one if found is None else found if one is None else found.merged(one)
    if found is None:
        needed, needed_per_class = datasets.MINIMUM_ROWS, datasets.MINIMUM_PER_CLASS
        raise TooFewRows(rows=0, positives=0, needed=needed, needed_per_class=needed_per_class)
    findings, target = found.findings, task.source.mapping.target
    logger.info("read %d rows from %s", findings.rows + findings.left_out, task.source.table.name)
    if findings.left_out:
        logger.info("left out %d rows without an outcome", findings.left_out)
    target_column.require_clear(sorted(findings.outcomes), target)
    column_mapping.warn_of_case(findings.cases, task.contract)
    findings.conversions.tell()
    datasets.require_few_rejected(findings.rejected, findings.rows, findings.reasons, findings.values)
    datasets.require_enough(int(found.rows.sum()), positives=int(found.rows[:, 1].sum()))
    if found.unknown_customers:
        problem = f"it is empty in {found.unknown_customers:,} of {found.rows.sum():,} rows"
        raise GroupingImpossible(column=task.group, problem=problem)
    return found


def _stepping(results: Any, pieces: Sequence[Part], progress: Progress) -> Any:
    for result, piece in zip(results, pieces, strict=True):
        yield result
        progress.step(piece.rows or 1)


def _learned(summary: Summary, contract: Contract) -> Contract:
    return learned_levels.from_counts(summary.levels, contract, rows=int(summary.rows[0].sum()))


def _edges(summary: Summary, contract: Contract, most: int) -> Edges:
    counts = list(summary.counts)
    for feature in contract.open_categories:
        codes = np.array([feature.level_codes[level] for level in feature.levels], dtype=np.float32)
        rows = np.array(list(feature.levels.values()), dtype=np.int64)
        counts[contract.matrix_slices[feature.name].start] = edges.weighted(codes, rows)
    return [edges.choose(one, most) for one in counts]


def _customers(executor: Executor, encoded: Sequence[Any]) -> int:
    return len(np.unique(np.concatenate([*executor.map(passes.customers, encoded, keep=False)])))


def _provenance(summary: Summary, settings: FitSettings, customers: int | None) -> Provenance:
    digest = hashlib.sha256(summary.digest.astype("<u8").tobytes()).hexdigest()
    return Provenance(
        source=sources.name(settings),
        query=redact_passwords(settings.query) if settings.query else None,
        rows=int(summary.rows.sum()),
        rejected_rows=summary.findings.rejected,
        sha256=digest,
        customers=customers,
    )
