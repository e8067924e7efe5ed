"""Reads the rows of a part of a table, a chunk at a time: maps the columns and checks the contract."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.columns import column_mapping, target_column
from models.columns.column_mapping import CaseDifference, ColumnMapping
from models.columns.conversions import Conversions
from models.columns.origins import TARGET
from models.customer import checks
from models.customer.contract import Contract, Labels, Mask
from models.customer.feature import Feature
from models.customer.offending import OffendingValues
from training.partitioned.tables.source_table import Part, SourceTable


@dataclass(frozen=True)
class Source:
    """What is read of each part of a table."""

    table: SourceTable
    mapping: ColumnMapping
    """Fitted to the columns of the table."""
    others: tuple[str, ...]
    """More columns of the source to read, besides those of the mapping."""

    def columns(self, contract: Contract) -> list[str]:
        """Return the columns to read, each once."""
        return list(dict.fromkeys([*self.mapping.source_columns(contract), *self.others]))


@dataclass
class Findings:
    """What is told of the rows of some parts."""

    rows: int = 0
    left_out: int = 0
    """Other rows, without an outcome, that the columns file leaves out."""
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows by reason for rejecting them."""
    values: OffendingValues = field(default_factory=OffendingValues)
    conversions: Conversions = field(default_factory=Conversions)
    outcomes: set[str] = field(default_factory=set)
    """Different values of the target, and not many more than can be an outcome."""
    cases: set[CaseDifference] = field(default_factory=set)

    def add(self, other: "Findings") -> None:
        """Add the findings of other parts."""
        self.rows += other.rows
        self.left_out += other.left_out
        self.rejected += other.rejected
        self.reasons.update(other.reasons)
        self.values.add(other.values)
        self.conversions.add(other.conversions)
        self.add_outcomes(other.outcomes)
        self.cases |= other.cases

    def add_outcomes(self, found: set[str]) -> None:
        """Add values of the target; a column with too many is no outcome, and the smallest ones show that."""
        self.outcomes = set(sorted(self.outcomes | found)[: target_column.MOST_VALUES + 1])


@dataclass(frozen=True)
class CheckedRows:
    """Rows that satisfy the contract."""

    features: pd.DataFrame
    """The contract's columns; each value has one type, whatever its type in the source."""
    churned: Labels
    others: pd.DataFrame
    """The other columns that were asked for, as they are in the source."""


def read(source: Source, contract: Contract, part: Part, findings: Findings | None = None) -> Iterator[CheckedRows]:
    """Yield the rows that satisfy the contract; what is told of all of them is added to the findings.

    Raises:
        TableError, SourceUnreadable: the part cannot be read.
        ColumnUnsupported: a column holds lists or objects.
    """
    found = findings or Findings()
    for chunk in source.table.chunks(part, source.columns(contract), source.mapping.csv):
        table = chunk
        outcome, values = target_column.read(
            table[source.mapping.target.column], source.mapping.target, source.mapping.csv
        )
        found.add_outcomes(values)
        found.cases |= column_mapping.case_differences(source.mapping, table, contract)
        rows = column_mapping.features(source.mapping, table, contract, found.conversions)
        if source.mapping.target.leave_out_unknown:
            known = outcome.notna().to_numpy()
            found.left_out += int((~known).sum())
            rows, table = rows[known].reset_index(drop=True), table[known].reset_index(drop=True)
            outcome = outcome[known].reset_index(drop=True)
        kept = ~_rejected(rows, outcome, contract, found)
        features = {feature.name: _one_type(feature, rows[feature.name][kept]) for feature in contract.features}
        yield CheckedRows(
            features=pd.DataFrame(features, copy=False),
            churned=outcome.to_numpy()[kept].astype(np.int64),
            others=table.loc[kept, list(source.others)].reset_index(drop=True),
        )


def _rejected(rows: pd.DataFrame, outcome: pd.Series, contract: Contract, findings: Findings) -> Mask:
    violations = checks.find_violations(contract, rows)
    unlabelled = outcome.isna().to_numpy()
    if unlabelled.any():
        violations[f"{TARGET} missing"] = unlabelled
    rejected: Mask = np.logical_or.reduce([unlabelled, *violations.values()])
    findings.rows += len(rejected)
    findings.rejected += int(rejected.sum())
    findings.reasons.update({reason: int(mask.sum()) for reason, mask in violations.items()})
    findings.values.count(contract, rows, violations)
    return rejected


def _one_type(feature: Feature, column: pd.Series) -> pd.Series:
    """Convert a column to its type in the contract; a chunk with missing integers has floats."""
    column = column.reset_index(drop=True)
    if feature.kind == "open_category":
        return column.astype(object).where(column.notna(), None)
    if feature.dtype != "object":
        return column.astype(np.dtype(feature.dtype))
    known = (False, True) if feature.kind == "boolean" else feature.categories
    codes = np.nan_to_num(feature.encode(column), nan=len(known)).astype(np.intp)
    return pd.Series(np.array([*known, None], dtype=object)[codes])
