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
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.customer import parsing
from models.customer.contract import Contract, Feature
from models.customer.errors import ColumnRepeated
from models.errors import ContractError
from training.errors import ColumnMissing, MappingInvalid, TargetAmongFeatures, TargetUnclear

TARGET = "churned"
"""Name of the outcome; no feature may have it."""
Value = str | int | float | bool


class Target(BaseModel):
    """The source column of the outcome, and its value that means churn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = TARGET
    positive: str | int | bool = 1


class Source(BaseModel):
    """How a feature is made: from one column, or as the sum of several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    sum: list[str] = Field(default_factory=list)
    values: dict[str, Value] = Field(default_factory=dict)
    """Source value, as text, to the contract's value; if given, it must list all values."""
    nulls: list[str] = Field(default_factory=list)
    """More texts that mean unknown, besides those of `models.customer.parsing`; blanks at the ends are ignored."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (not self.sum):
            raise ValueError("give either column or sum")
        return self

    @property
    def columns(self) -> list[str]:
        """The source columns that the feature reads."""
        return self.sum if self.column is None else [self.column]


class ColumnMapping(BaseModel):
    """The content of a columns file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Target = Target()
    never_features: list[str] = Field(default_factory=list)
    features: dict[str, Source] = Field(default_factory=dict)

    def source(self, feature: str) -> Source:
        """Return how a feature is made; by default, from the column of its name."""
        return self.features.get(feature) or Source(column=feature)

    def foreign_columns(self, contract: Contract) -> list[str]:
        """Return the source columns that the contract's features read, each once."""
        return list(dict.fromkeys(column for name in contract.names for column in self.source(name).columns))


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


def require(columns: Sequence[str], present: Sequence[str]) -> None:
    """Check that a table has each of the columns exactly once.

    Raises:
        ColumnMissing, ColumnRepeated: it lacks some of them, or has some twice.
    """
    if missing := [column for column in columns if column not in present]:
        raise ColumnMissing(missing=missing, present=[str(column) for column in present])
    if repeated := [column for column in columns if present.count(column) > 1]:
        raise ColumnRepeated(columns=repeated)


def labelled(mapping: ColumnMapping, table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the contract's columns and `churned` (1.0, 0.0, or NaN where the target is unknown), unchecked.

    Raises:
        ColumnMissing, ColumnRepeated: the table lacks a column that the mapping names, or has it twice.
        TargetUnclear: the target does not hold exactly two values, one of them the positive one.
    """
    require([*mapping.foreign_columns(contract), mapping.target.column], table.columns.tolist())
    outcome = _target(table[mapping.target.column], mapping.target)
    rows = features(mapping, table, contract)
    rows[TARGET] = outcome
    return rows


def features(mapping: ColumnMapping, table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the contract's columns, unchecked, of a table that has each of the source columns once.

    Columns that need no conversion share memory with the table: modify neither.
    """
    columns = {feature.name: _feature(table, mapping.source(feature.name), feature) for feature in contract.features}
    return pd.DataFrame(columns, copy=False)


def _parse(path: Path) -> ColumnMapping:
    try:
        return ColumnMapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise MappingInvalid(path=str(path), problem=problem) from error
    except OSError as error:
        raise MappingInvalid(path=str(path), problem=error.strerror or "cannot be read") from error
    except ValueError as error:
        raise MappingInvalid(path=str(path), problem=str(error)) from error


def _feature(table: pd.DataFrame, source: Source, feature: Feature) -> pd.Series:
    if source.column is not None:
        return _read(table[source.column], source, feature)
    parts = np.array([feature.encode(_read(table[column], source, feature)) for column in source.sum])
    return pd.Series(np.where(np.isinf(parts).any(axis=0), np.inf, parts.sum(axis=0)))


def _read(column: pd.Series, source: Source, feature: Feature) -> pd.Series:
    if column.dtype != object and not source.values and not source.nulls:
        return pd.Series(column.array)  # already typed: no text to convert
    cells = column.tolist()
    if source.nulls:
        nulls = {_text(null) for null in source.nulls}
        cells = [None if _text(cell) in nulls else cell for cell in cells]
    if source.values:
        known = {_text(foreign): value for foreign, value in source.values.items()}
        cells = [_translate(known, cell) for cell in cells]
    return pd.Series(parsing.read(feature, cells))


def _translate(known: Mapping[str | None, Value], cell: Any) -> Any:
    text = _text(cell)
    if text in known:
        return known[text]
    # A source value that the file does not list is never read as a value of the contract.
    return None if text is None or text in parsing.NULLS else f"{text} is not under values"


def _text(value: Any) -> str | None:
    """Format a source value as a columns file does: 1.0 as 1, true and false as 1 and 0, without surrounding blanks."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    return {"true": "1", "false": "0"}.get(text.lower(), text)


def _target(column: pd.Series, target: Target) -> pd.Series:
    codes, different = pd.factorize(column)  # a code of -1 means unknown
    cells = [*(_text(cell) for cell in different.tolist()), None]
    values = sorted({cell for cell in cells if cell is not None and cell not in parsing.NULLS})
    positive = _text(target.positive)
    if len(values) != 2 or positive not in values:
        raise TargetUnclear(column=target.column, values=values, positive=positive)
    outcome = {value: float(value == positive) for value in values}
    return pd.Series(np.array([outcome.get(cell or "", math.nan) for cell in cells])[codes])
