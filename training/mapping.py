"""The columns file: how a foreign table becomes the contract's columns and a target of 0 and 1.

    never_features = ["customerID"]             # refused as the source of any feature

    [target]
    column = "Churn"
    positive = "Yes"

    [features]                                  # a feature that is not listed keeps its name
    tenure_months = { column = "tenure" }
    total_charges = { column = "TotalCharges", nulls = [""] }
    support_tickets = { sum = ["numAdminTickets", "numTechTickets"] }
    contract_type = { column = "Contract", values = { "One year" = 1 } }

Knows nothing of where the table came from, nor of the contract's bounds: `models.checks` judges the result.
"""

import tomllib
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.contract import Contract, Feature
from training.errors import ColumnMissing, MappingInvalid, TargetAmongFeatures, TargetUnclear

TARGET = "churned"


class Target(BaseModel):
    """The column to learn, and its value that means churn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = TARGET
    positive: str | int | bool = 1


class Source(BaseModel):
    """What a feature is made of: one column, or the sum of several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    sum: list[str] = Field(default_factory=list)
    values: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Foreign value, as text, to the contract's value."""
    nulls: list[str] = Field(default_factory=list)
    """Texts that mean unknown, compared without surrounding blanks."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (not self.sum):
            raise ValueError("give either column or sum")
        return self

    @property
    def columns(self) -> list[str]:
        """The foreign columns that it reads."""
        return self.sum if self.column is None else [self.column]


class ColumnMapping(BaseModel):
    """A whole columns file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Target = Target()
    never_features: list[str] = Field(default_factory=list)
    features: dict[str, Source] = Field(default_factory=dict)

    def source(self, feature: str) -> Source:
        """Return what a feature is made of; by default the column of its name."""
        return self.features.get(feature) or Source(column=feature)


def read(path: Path | None, contract: Contract) -> ColumnMapping:
    """Read a columns file; `None` is the mapping that renames nothing.

    Raises:
        MappingInvalid: it is missing, not TOML, or names a feature that the contract lacks.
        TargetAmongFeatures: a feature is made of the target or of a column listed under `never_features`.
    """
    mapping = ColumnMapping() if path is None else _parse(path)
    if unknown := mapping.features.keys() - set(contract.names):
        raise MappingInvalid(path=str(path), problem=f"[features] names {sorted(unknown)}, not in the contract")
    forbidden = {mapping.target.column, *mapping.never_features}
    for feature in contract.names:
        for column in mapping.source(feature).columns:
            if column in forbidden:
                raise TargetAmongFeatures(feature=feature, column=column)
    return mapping


def apply(mapping: ColumnMapping, table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the contract's columns and `churned` (1.0, 0.0, or NaN where the target is unknown), unchecked.

    Raises:
        ColumnMissing: the table lacks a column that the mapping names.
        TargetUnclear: the target does not hold exactly two values, one of them the positive one.
    """
    sources = {feature.name: mapping.source(feature.name) for feature in contract.features}
    wanted = [column for source in sources.values() for column in source.columns] + [mapping.target.column]
    if missing := [column for column in wanted if column not in table.columns]:
        raise ColumnMissing(missing=missing, present=[str(column) for column in table.columns])
    mapped = {feature.name: _feature(table, sources[feature.name], feature) for feature in contract.features}
    return pd.DataFrame({**mapped, TARGET: _target(table, mapping.target)})


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
    parts = [_read(table[column], source, feature) for column in source.columns]
    return parts[0] if len(parts) == 1 else pd.concat(parts, axis="columns").sum(axis="columns", skipna=False)


def _read(column: pd.Series, source: Source, feature: Feature) -> pd.Series:
    if source.nulls:
        column = column.mask(column.astype(str).str.strip().isin(source.nulls))
    if source.values:
        known = column.astype(str).map(source.values)
        column = known.astype(object).where(known.notna(), column).infer_objects()
    return column if feature.kind == "category" else _with_texts_read(column)


def _with_texts_read(column: pd.Series) -> pd.Series:
    """Read numbers written as text; what cannot be read stays, so that the checks can name it."""
    if column.dtype != object:
        return column
    numbers = pd.to_numeric(column.where(~column.map(lambda value: isinstance(value, bool))), errors="coerce")
    unread = numbers.isna() & column.notna()
    return column.where(unread, numbers) if unread.any() else numbers


def _target(table: pd.DataFrame, target: Target) -> pd.Series:
    column = table[target.column]
    values: list[Any] = sorted(column.dropna().unique().tolist(), key=str)
    if len(values) != 2 or target.positive not in values:
        raise TargetUnclear(column=target.column, values=values, positive=target.positive)
    return (column == target.positive).astype(float).where(column.notna())
