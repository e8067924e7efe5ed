"""Reads the columns file, which maps a source's columns to the contract's columns and a target of 0 and 1.

never_features = ["customerID"]             # no feature may read these columns

[target]
column = "Churn"
positive = "Yes"

[features]                                  # a feature that is not listed keeps its name
tenure_months = { column = "tenure" }
total_charges = { column = "TotalCharges", nulls = [""] }
support_tickets = { sum = ["numAdminTickets", "numTechTickets"] }
charge_ratio = { ratio = ["MonthlyCharges", "TotalCharges"] }   # or difference
contract_age = { column = "signed_on", age_at = "exported_on" } # or age_at = "2026-11-29"
discount = { default = 0 }                  # for a table without the column
contract_type = { column = "Contract", values = { "One year" = 1 } }

[outcomes]                                  # for `python -m monitoring import-outcomes`
prediction_id = { column = "id" }
churned = { column = "left", values = { J = true, N = false } }

[treatments]                                # for `python -m monitoring import-treatments`
offer = { column = "action", values = { call = "high", nothing = "none" } }

[csv]                                       # how files of text are written
delimiter = ";"
decimal = ","
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from models.columns import fallbacks, feature_columns, mapping_checks, nested_cells, target_column, toml_files
from models.columns.conversions import Conversions
from models.columns.errors import ColumnMissing, MappingInvalid, TargetAmongFeatures
from models.columns.origins import TARGET, OutcomeSource, ReportSource, Source, Target, TreatmentSource
from models.customer.contract import Contract, Labels
from models.customer.errors import ColumnRepeated
from models.customer.feature import Feature
from models.customer.files.csv_format import CsvFormat
from models.errors import ContractError, first_problem

CaseDifference = tuple[str, str, str]
"""A feature, a value, and the value that it would be in another case."""

logger = logging.getLogger(__name__)


def _with_columns(sources: dict[str, Source]) -> dict[str, Source]:
    return {name: source.of_feature(name) for name, source in sources.items()}


class ColumnMapping(BaseModel):
    """The content of a columns file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Target = Target()
    never_features: list[str] = Field(default_factory=list)
    features: Annotated[dict[str, Source], AfterValidator(_with_columns)] = Field(default_factory=dict)
    outcomes: dict[Literal["prediction_id", "churned", "observed_at"], OutcomeSource] = Field(default_factory=dict)
    treatments: dict[Literal["prediction_id", "offer", "given_at"], TreatmentSource] = Field(default_factory=dict)
    csv: CsvFormat = CsvFormat()
    _path: Path | None = PrivateAttr(default=None)

    def source(self, feature: str) -> Source:
        """Return how a feature is made; by default, from the column of its name."""
        return self.features.get(feature) or Source(column=feature)

    def reported(self, kind: Literal["outcomes", "treatments"], name: str) -> ReportSource:
        """Return where a file of such reports has a field; by default, in the column of its name."""
        given: Mapping[Any, ReportSource] = self.outcomes if kind == "outcomes" else self.treatments
        return given.get(name) or ReportSource(column=name)

    def foreign_columns(self, contract: Contract) -> list[str]:
        """Return the source columns that the contract's features read, each once."""
        return list(dict.fromkeys(column for name in contract.names for column in self.source(name).columns))

    def source_columns(self, contract: Contract) -> list[str]:
        """Return `foreign_columns`, and the column of the target."""
        return [*self.foreign_columns(contract), self.target.column]

    def fitted(self, contract: Contract, present: Sequence[str]) -> Self:
        """Return the mapping for a table with these columns.

        A renamed feature may have the column of its earlier name. A default stands for a feature without its column:
        that of the columns file, or of a field that clients may leave out.

        Raises:
            TargetAmongFeatures: that column is the target or listed under `never_features`.
        """
        sources = self.features | fallbacks.renamed(contract, self.features, present)
        sources |= fallbacks.defaults(contract, sources, present)
        sources |= fallbacks.left_out(contract, sources, present, target=self.target.column)
        found = self.model_copy(update={"features": sources})
        found.require_allowed(contract)
        return found

    def require_allowed(self, contract: Contract) -> None:
        """Check that no feature reads the target or a column of `never_features`.

        Raises:
            TargetAmongFeatures: a feature does.
        """
        forbidden = {self.target.column, *self.never_features}
        for feature in contract.names:
            for column in self.source(feature).columns:
                if column in forbidden:
                    raise TargetAmongFeatures(feature=feature, column=column)

    def remedy(self, missing: Sequence[str], *, under: str = "[features] or [target]") -> str:
        """Say where to name the columns that a source has instead of the missing ones."""
        if self._path is None:
            return "Map other names with --columns FILE.toml; `python -m training contract draft` writes a first one."
        lines = {column: toml_files.line_of(self._path, column, _columns_read) for column in missing}
        if wrong := [f"{column} in line {line}" for column, line in lines.items() if line]:
            return f"Correct {self._path}: {', '.join(wrong)}."
        return f"Map {', '.join(missing)} in {self._path}, under {under}."


def read(path: Path | None, contract: Contract) -> ColumnMapping:
    """Read a columns file; `None` gives the mapping that renames nothing.

    Raises:
        MappingInvalid: the file is missing, is not TOML, or does not fit the contract.
        TargetAmongFeatures: a feature reads the target or a column listed under `never_features`.
        ContractError: a feature has the name of the outcome.
    """
    if TARGET in contract.names:
        raise ContractError(field=TARGET, problem="this name is reserved for the outcome")
    mapping = ColumnMapping() if path is None else _parse(path)
    if twice := fallbacks.named_twice(contract, mapping.features):
        raise MappingInvalid(path=str(path), problem=f"[features] names {' and '.join(twice)}, which are one field")
    mapping = mapping.model_copy(update={"features": fallbacks.of_today(contract, mapping.features)})
    if unknown := mapping.features.keys() - set(contract.names):
        raise MappingInvalid(path=str(path), problem=f"[features] names {sorted(unknown)}, not in the contract")
    if problem := next(mapping_checks.problems(contract, mapping.features), None):
        raise MappingInvalid(path=str(path), problem=problem)
    mapping.require_allowed(contract)
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
        ColumnUnsupported: a column holds lists or objects.
        TargetAmongFeatures: the earlier name of a feature is that of the target or of a column of `never_features`.
        TargetUnclear: the target does not hold exactly two values, one of them the positive one.
    """
    mapping = mapping.fitted(contract, table.columns.tolist())
    require(mapping.source_columns(contract), table.columns.tolist(), remedy=mapping.remedy)
    outcome = target_column.outcome(table[mapping.target.column], mapping.target, mapping.csv)
    warn_of_case(case_differences(mapping, table, contract), contract)
    conversions = Conversions()
    rows = features(mapping, table, contract, conversions)
    conversions.tell()
    return with_target(rows, outcome)


def features(
    mapping: ColumnMapping,
    table: pd.DataFrame,
    contract: Contract,
    conversions: Conversions | None = None,
    *,
    logged: bool = False,
) -> pd.DataFrame:
    """Return the contract's columns, unchecked, of a table that has each of the source columns once.

    What should be told of them is added to `conversions`. Columns that need no conversion share memory with the table:
    modify neither. `logged` cells are from the prediction log.

    Raises:
        ColumnUnsupported: a column holds lists or objects.
    """
    for feature in contract.features:
        source = mapping.source(feature.name)
        for name in [] if source.values else source.columns:  # a listed value may look like a list
            nested_cells.require_none(table[name], feature, logged=logged)
    counted = Conversions() if conversions is None else conversions
    columns = {
        feature.name: feature_columns.made(feature, mapping.source(feature.name), table, mapping.csv, counted)
        for feature in contract.features
    }
    for feature in contract.features:
        if feature.is_clipped:
            columns[feature.name] = feature_columns.clipped(feature, columns[feature.name], counted)
    return pd.DataFrame(columns, copy=False)


def with_target(rows: pd.DataFrame, outcome: pd.Series | Labels) -> pd.DataFrame:
    """Append the target; pandas warns of an insertion into a frame of hundreds of columns."""
    return pd.DataFrame({**rows, TARGET: outcome}, copy=False)


def _columns_read(content: Mapping[str, Any]) -> list[str]:
    mapping = ColumnMapping.model_validate(content)
    reports = [source.column for source in (*mapping.outcomes.values(), *mapping.treatments.values())]
    return [mapping.target.column, *(name for one in mapping.features.values() for name in one.columns), *reports]


def _parse(path: Path) -> ColumnMapping:
    try:
        mapping = ColumnMapping.model_validate(toml_files.read(path))
    except OSError as error:
        raise MappingInvalid(path=str(path), problem=error.strerror or "cannot be read") from error
    except ValueError as error:
        raise MappingInvalid(path=str(path), problem=first_problem(error)) from error
    mapping._path = path  # noqa: SLF001  # not an entry of the file
    return mapping


def case_differences(mapping: ColumnMapping, table: pd.DataFrame, contract: Contract) -> set[CaseDifference]:
    """Return the values of categories that only their case keeps from being read."""
    return {found for feature in contract.features for found in _cased(table, mapping.source(feature.name), feature)}


def warn_of_case(found: Iterable[CaseDifference], contract: Contract) -> None:
    """Log these values, in the order of the features."""
    for name, value, close in sorted(found, key=lambda one: (contract.names.index(one[0]), one)):
        logger.warning("%s: %r is not read as %r, because the case differs", name, value, close)


def _cased(table: pd.DataFrame, source: Source, feature: Feature) -> Iterator[CaseDifference]:
    listed = source.values or [category for category in feature.categories if isinstance(category, str)]
    cased = {str(feature_columns.text(value)).casefold(): feature_columns.text(value) for value in listed}
    for column in source.columns if cased else []:
        found = {feature_columns.text(value) for value in pd.unique(table[column])} - {None, *cased.values()}
        for value in found:
            if value is not None and value.casefold() in cased:
                yield feature.name, value, str(cased[value.casefold()])
