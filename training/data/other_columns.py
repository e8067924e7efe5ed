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
    """Read the columns that the settings name; `mapping` is the one that fits the table.

    Raises:
        ColumnMissing, ColumnRepeated: the source lacks one of them, or has it twice.
        GroupingImpossible: `--group-column` names a feature or the target, or does not tell customers apart.
    """
    present = table.columns.tolist()
    column_mapping.require(asked(settings, present, contract, mapping), present, remedy=name_other_options)
    times, group = _time_column(settings.time_column, present, contract), settings.group_column
    slices = _slices(settings, contract)
    return OtherColumns(
        slices=pd.DataFrame({name: _numbers_or_texts(table[name]) for name in slices}, index=range(len(table))),
        times=None if times is None else table[times].reset_index(drop=True).replace("", None),
        groups=None if group is None else grouping.read(table[group], mapping.csv.nulls),
    )


def asked(settings: FitSettings, present: Sequence[str], contract: Contract, mapping: ColumnMapping) -> list[str]:
    """Return the names of these columns; `present` are those of the source.

    Raises:
        GroupingImpossible: `--group-column` names a feature or the target.
    """
    group = settings.group_column
    if group is not None:
        _require_no_feature(group, contract, mapping)
    times = _time_column(settings.time_column, present, contract)
    named = (name for name in (times, group) if name is not None)
    return [*_slices(settings, contract), *named]


def _slices(settings: FitSettings, contract: Contract) -> list[str]:
    # A name of a feature, also an earlier one, always means the feature, even if the source has a column of that name.
    return [name for name in dict.fromkeys(settings.slices) if name not in contract.names_of_today]


def name_other_options(_: Sequence[str]) -> str:
    """Say where these columns are named."""
    return "Name other columns with --slices, --time-column and --group-column."


def _time_column(asked: str | None, present: Sequence[str], contract: Contract) -> str | None:
    """Return the column of the times; a feature can be the time, and the table may have it under another of its names.

    The table's own columns come first: an age may have the name of the dates from which it is made.
    """
    if asked is None or asked in present:
        return asked
    names = [feature for feature in contract.features if asked in (feature.name, *feature.formerly)]
    others = (name for feature in names for name in (feature.name, *feature.formerly))
    return next((name for name in others if name in present), asked)


def _require_no_feature(column: str, contract: Contract, mapping: ColumnMapping) -> None:
    if column == mapping.target.column:
        raise GroupingImpossible(column=column, problem="it is the target")
    if column in {*contract.names_of_today, *mapping.foreign_columns(contract)}:
        raise GroupingImpossible(column=column, problem="a feature is made from it")


def _numbers_or_texts(column: pd.Series) -> pd.Series:
    cells = column.reset_index(drop=True).replace("", None)
    numbers = pd.to_numeric(cells, errors="coerce")
    is_number = cells.dtype.kind not in "bM" and (numbers.isna() == cells.isna()).all()
    return numbers if is_number else cells.astype(str).where(cells.notna(), None)
