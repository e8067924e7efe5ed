"""Reads the columns of a source that are outside the contract: slices, times, and the customer of each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer.contract import Contract, Mask
from training.data import grouping
from training.data.grouping import Groups
from training.errors import GroupingImpossible
from training.settings import FitSettings


@dataclass(frozen=True)
class OtherColumns:
    """The columns that the settings name, besides the features."""

    slices: pd.DataFrame
    """The columns to group customers by, as numbers or texts."""
    times: pd.Series | None = None
    """The column that `--time-column` names, as the source has it."""
    groups: Groups | None = None
    """The customer of each row; None if rows are not grouped."""

    def only(self, kept: Mask) -> "OtherColumns":
        """Return the rows that the mask selects."""
        return OtherColumns(
            self.slices[kept].reset_index(drop=True),
            None if self.times is None else self.times[kept].reset_index(drop=True),
            None if self.groups is None else self.groups.only(kept),
        )


def read(settings: FitSettings, table: pd.DataFrame, contract: Contract, mapping: ColumnMapping) -> OtherColumns:
    """Read the columns that the settings name.

    Raises:
        ColumnMissing, ColumnRepeated: the source lacks one of them, or has it twice.
        GroupingImpossible: `--group-column` names a feature or the target, or does not tell customers apart.
    """
    names = asked(settings, contract, mapping)
    column_mapping.require(names, table.columns.tolist(), remedy=name_other_options)
    times, group = settings.time_column, settings.group_column
    slices = _slices(settings, contract)
    return OtherColumns(
        slices=pd.DataFrame({name: _numbers_or_texts(table[name]) for name in slices}, index=range(len(table))),
        times=None if times is None else table[times].reset_index(drop=True).replace("", None),
        groups=None if group is None else grouping.read(table[group], mapping.csv.nulls),
    )


def asked(settings: FitSettings, contract: Contract, mapping: ColumnMapping) -> list[str]:
    """Return the names of these columns.

    Raises:
        GroupingImpossible: `--group-column` names a feature or the target.
    """
    group = settings.group_column
    if group is not None:
        _require_no_feature(group, contract, mapping)
    named = (name for name in (settings.time_column, group) if name is not None)
    return [*_slices(settings, contract), *named]


def _slices(settings: FitSettings, contract: Contract) -> list[str]:
    # The name of a feature always means the feature, even if the source has a column of that name.
    return [name for name in dict.fromkeys(settings.slices) if name not in contract.names]


def name_other_options(_: Sequence[str]) -> str:
    """Say where these columns are named."""
    return "Name other columns with --slices, --time-column and --group-column."


def _require_no_feature(column: str, contract: Contract, mapping: ColumnMapping) -> None:
    if column == mapping.target.column:
        raise GroupingImpossible(column=column, problem="it is the target")
    if column in {*contract.names, *mapping.foreign_columns(contract)}:
        raise GroupingImpossible(column=column, problem="a feature is made from it")


def _numbers_or_texts(column: pd.Series) -> pd.Series:
    cells = column.reset_index(drop=True).replace("", None)
    numbers = pd.to_numeric(cells, errors="coerce")
    is_number = cells.dtype.kind not in "bM" and (numbers.isna() == cells.isna()).all()
    return numbers if is_number else cells.astype(str).where(cells.notna(), None)
