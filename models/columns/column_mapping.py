"""Reads the columns file, which maps a source's columns to the contract's columns and a target of 0 and 1.

never_features = ["customerID"]             # no feature may read these columns

[target]
column = "Churn"
positive = "Yes"

[features]                                  # a feature that is not listed keeps its name
tenure_months = { column = "tenure" }
total_charges = { column = "TotalCharges", nulls = [""] }
support_tickets = { sum = ["numAdminTickets", "numTechTickets"] }
contract_type = { column = "Contract", values = { "One year" = 1 } }

[outcomes]                                  # for `python -m monitoring import-outcomes`
prediction_id = { column = "id" }
churned = { column = "left", values = { J = true, N = false } }

[csv]                                       # how files of text are written
delimiter = ";"
decimal = ","
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from models.columns import toml_files
from models.columns.errors import ColumnMissing, MappingInvalid, TargetAmongFeatures, TargetUnclear
from models.columns.origins import TARGET, OutcomeSource, Source, Target, Value
from models.customer import parsing
from models.customer.contract import Contract, Feature, Labels
from models.customer.errors import ColumnRepeated
from models.customer.files.csv_format import CsvFormat
from models.errors import ContractError, first_problem

logger = logging.getLogger(__name__)


class ColumnMapping(BaseModel):
    """The content of a columns file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Target = Target()
    never_features: list[str] = Field(default_factory=list)
    features: dict[str, Source] = Field(default_factory=dict)
    outcomes: dict[Literal["prediction_id", "churned", "observed_at"], OutcomeSource] = Field(default_factory=dict)
    csv: CsvFormat = CsvFormat()
    _path: Path | None = PrivateAttr(default=None)

    def source(self, feature: str) -> Source:
        """Return how a feature is made; by default, from the column of its name."""
        return self.features.get(feature) or Source(column=feature)

    def outcome(self, name: str) -> OutcomeSource:
        """Return where a file of outcomes has a field; by default, in the column of its name."""
        return {str(given): source for given, source in self.outcomes.items()}.get(name) or OutcomeSource(column=name)

    def foreign_columns(self, contract: Contract) -> list[str]:
        """Return the source columns that the contract's features read, each once."""
        return list(dict.fromkeys(column for name in contract.names for column in self.source(name).columns))

    def source_columns(self, contract: Contract) -> list[str]:
        """Return `foreign_columns`, and the column of the target."""
        return [*self.foreign_columns(contract), self.target.column]

    def remedy(self, missing: Sequence[str]) -> str:
        """Say where to name the columns that a source has instead of the missing ones."""
        if self._path is None:
            return "Map other names with --columns FILE.toml."
        lines = {column: toml_files.line_of(self._path, column, _columns_read) for column in missing}
        if wrong := [f"{column} in line {line}" for column, line in lines.items() if line]:
            return f"Correct {self._path}: {', '.join(wrong)}."
        return f"Map {', '.join(missing)} in {self._path}, under [features], [target] or [outcomes]."


def read(path: Path | None, contract: Contract) -> ColumnMapping:
    """Read a columns file; `None` gives the mapping that renames nothing.

    Raises:
        MappingInvalid: the file is missing, is not TOML, or names a feature that the contract lacks.
        TargetAmongFeatures: a feature reads the target or a column listed under `never_features`.
        ContractError: a feature has the name of the outcome.
    """
    if TARGET in contract.names:
        raise ContractError(field=TARGET, problem="this name is reserved for the outcome")
    mapping = ColumnMapping() if path is None else _parse(path)
    if unknown := mapping.features.keys() - set(contract.names):
        raise MappingInvalid(path=str(path), problem=f"[features] names {sorted(unknown)}, not in the contract")
    forbidden = {mapping.target.column, *mapping.never_features}
    for feature in contract.names:
        for column in mapping.source(feature).columns:
            if column in forbidden:
                raise TargetAmongFeatures(feature=feature, column=column)
    return mapping


def require(columns: Sequence[str], present: Sequence[str], *, remedy: Callable[[Sequence[str]], str]) -> None:
    """Check that a table has each of the columns exactly once; `remedy` says where the missing ones are named.

    Raises:
        ColumnMissing, ColumnRepeated: it lacks some of them, or has some twice.
    """
    if missing := [column for column in columns if column not in present]:
        raise ColumnMissing(missing=missing, present=[str(column) for column in present], remedy=remedy(missing))
    if repeated := [column for column in columns if present.count(column) > 1]:
        raise ColumnRepeated(columns=repeated)


def labelled(mapping: ColumnMapping, table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the contract's columns and `churned` (1.0, 0.0, or NaN where the target is unknown), unchecked.

    Raises:
        ColumnMissing, ColumnRepeated: the table lacks a column that the mapping names, or has it twice.
        TargetUnclear: the target does not hold exactly two values, one of them the positive one.
    """
    require(mapping.source_columns(contract), table.columns.tolist(), remedy=mapping.remedy)
    outcome = _target(table[mapping.target.column], mapping)
    for feature in contract.features:
        _warn_of_case(table, mapping.source(feature.name), feature)
    return with_target(features(mapping, table, contract), outcome)


def features(mapping: ColumnMapping, table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the contract's columns, unchecked, of a table that has each of the source columns once.

    Columns that need no conversion share memory with the table: modify neither.
    """
    columns = {feature.name: _feature(table, mapping, feature) for feature in contract.features}
    return pd.DataFrame(columns, copy=False)


def with_target(rows: pd.DataFrame, outcome: pd.Series | Labels) -> pd.DataFrame:
    """Append the target; pandas warns of an insertion into a frame of hundreds of columns."""
    return pd.DataFrame({**rows, TARGET: outcome}, copy=False)


def _columns_read(content: Mapping[str, Any]) -> list[str]:
    mapping = ColumnMapping.model_validate(content)
    outcomes = [source.column for source in mapping.outcomes.values()]
    features = [column for source in mapping.features.values() for column in source.columns]
    return [mapping.target.column, *features, *outcomes]


def _parse(path: Path) -> ColumnMapping:
    try:
        mapping = ColumnMapping.model_validate(toml_files.read(path))
    except OSError as error:
        raise MappingInvalid(path=str(path), problem=error.strerror or "cannot be read") from error
    except ValueError as error:
        raise MappingInvalid(path=str(path), problem=first_problem(error)) from error
    mapping._path = path  # noqa: SLF001  # not an entry of the file
    return mapping


def _feature(table: pd.DataFrame, mapping: ColumnMapping, feature: Feature) -> pd.Series:
    source = mapping.source(feature.name)
    if source.column is not None:
        return _read(table[source.column], mapping, feature)
    parts = np.array([feature.encode(_read(table[column], mapping, feature)) for column in source.sum])
    return pd.Series(np.where(np.isinf(parts).any(axis=0), np.inf, parts.sum(axis=0)))


def _read(column: pd.Series, mapping: ColumnMapping, feature: Feature) -> pd.Series:
    if column.dtype.kind in "mM":
        return column.astype(object)  # a time is no value of a contract, and its number must not become one
    source, are_texts = mapping.source(feature.name), feature.holds_texts
    nulls = {parsing.canonical(null) for null in (*source.nulls, *mapping.csv.nulls)}
    if column.dtype.kind in "biuf" and not source.values and not nulls and not are_texts:
        return pd.Series(column.array)  # already typed: no text to convert
    cells = column.tolist()
    if nulls:
        cells = [None if _text(cell) in nulls else cell for cell in cells]
    if source.values:
        known = {parsing.canonical(foreign): value for foreign, value in source.values.items()}
        cells = [_translate(known, cell, others_are_values=feature.kind == "open_category") for cell in cells]
    return pd.Series(parsing.read(feature, cells, mapping.csv))


def _warn_of_case(table: pd.DataFrame, source: Source, feature: Feature) -> None:
    """Log the values of a category that only their case keeps from being read."""
    listed = source.values or [category for category in feature.categories if isinstance(category, str)]
    cased = {str(_text(value)).casefold(): _text(value) for value in listed}
    for column in source.columns if cased else []:
        found = {_text(value) for value in pd.unique(table[column])} - {None, *cased.values()}
        for value in sorted(value for value in found if value is not None and value.casefold() in cased):
            close = cased[value.casefold()]
            logger.warning("%s: %r is not read as %r, because the case differs", feature.name, value, close)


def _translate(known: Mapping[str | None, Value], cell: Any, *, others_are_values: bool) -> Any:
    text = _text(cell)
    if text in known or others_are_values:
        return known.get(text, cell)
    # A source value that the file does not list is never read as a value of the contract.
    return None if text is None or text in parsing.NULLS else f"{text}{parsing.UNLISTED}"


def _text(value: Any) -> str | None:
    return None if value is pd.NaT else parsing.canonical(value)


def _target(column: pd.Series, mapping: ColumnMapping) -> pd.Series:
    target, nulls = mapping.target, parsing.NULLS | {parsing.canonical(null) for null in mapping.csv.nulls}
    codes, different = pd.factorize(column)  # a code of -1 means unknown
    cells = [*(_text(cell) for cell in different.tolist()), None]
    values = sorted({cell for cell in cells if cell is not None and cell not in nulls})
    positive = parsing.canonical(target.positive)
    if len(values) != 2 or positive not in values:
        raise TargetUnclear(column=target.column, values=values, positive=positive)
    outcome = {value: float(value == positive) for value in values}
    return pd.Series(np.array([outcome.get(cell or "", math.nan) for cell in cells])[codes])
