"""Where a table has a feature, the target, and the fields of a report: the entries of a columns file."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models import times
from models.customer import parsing
from models.log.treatments import Offer

TARGET = "churned"
"""Name of the outcome; no feature may have it."""
Value = str | int | float | bool


class Target(BaseModel):
    """The source column of the outcome, and its value, or all its values, that mean churn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = TARGET
    positive: str | int | bool | list[str | int | bool] = 1
    """One value, of the two that the column holds; or a list, besides which all other values mean that nobody left."""
    leave_out_unknown: bool = False
    """Whether rows without an outcome are left out; by default they are rejected, and a fit ends if these are many."""

    @property
    def positives(self) -> list[str]:
        """All values that mean churn, as `parsing.canonical` writes them."""
        listed = self.positive if isinstance(self.positive, list) else [self.positive]
        return [parsing.canonical(value) or "" for value in listed]


class Source(BaseModel):
    """How a feature is made: from one column, or from several numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    """By default, the column that has the feature's name."""
    sum: list[str] = Field(default_factory=list)
    difference: list[str] = Field(default_factory=list)
    """Two columns: the first less the second."""
    ratio: list[str] = Field(default_factory=list)
    """Two columns: the first divided by the second; a division by zero is unknown."""
    age_at: str | datetime | date | None = None
    """For an age: the column, or the time, at which the date of `column` has its age."""
    default: Value | None = None
    """Value of all rows of a table that lacks the column; empty cells stay unknown."""
    values: dict[str, Value] = Field(default_factory=dict)
    """Source value, as text, to the contract's value; if given, it must list all values, but for an open category."""
    nulls: list[str] = Field(default_factory=list)
    """More texts that mean unknown, besides those of `models.customer.parsing`; blanks at the ends are ignored."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is not None) + sum(map(bool, (self.sum, self.difference, self.ratio))) > 1:
            raise ValueError("give one of column, sum, difference and ratio")
        if not self.operands and self.column is None and self.age_at is None and self.default is None:
            raise ValueError("give a column, or a sum, difference or ratio of columns")
        if any(len(pair) not in (0, 2) for pair in (self.difference, self.ratio)):
            raise ValueError("a difference or ratio is of two columns")
        if self.age_at is not None and (self.operands or self.values):
            raise ValueError("an age is made from one column of dates, without sum, difference, ratio or values")
        if isinstance(self.age_at, str) and self.fixed_time is None and (forms := times.fitting_formats([self.age_at])):
            raise ValueError(f"age_at looks like a time as {forms[0]}; write it as 2026-11-29, or name a column")
        return self

    @property
    def operands(self) -> list[str]:
        """The columns of which it is a sum, difference or ratio."""
        return self.sum or self.difference or self.ratio

    @property
    def columns(self) -> list[str]:
        """The source columns that the feature reads."""
        if self.column is None:
            return self.operands
        is_column = isinstance(self.age_at, str) and self.fixed_time is None
        return [self.column, str(self.age_at)] if is_column else [self.column]

    @cached_property
    def fixed_time(self) -> datetime | None:
        """The time of `age_at`, in UTC where it has no zone; None if it is a column."""
        match self.age_at:
            case None | datetime():
                return self.age_at and times.in_utc(self.age_at)
            case date():
                return datetime.combine(self.age_at, time(), UTC)
        try:
            return times.in_utc(times.read(self.age_at))
        except ValueError:
            return None

    def of_feature(self, name: str) -> Self:
        """Return the source with the column that it reads; by default, the one of the feature's name."""
        return self if self.column is not None or self.operands else self.model_copy(update={"column": name})

    def missing(self, present: Sequence[str]) -> list[str]:
        """Return the columns that it reads and a table lacks."""
        return [column for column in self.columns if column not in present]


class ReportSource(BaseModel):
    """Where a file of outcomes or treatments has one of its three fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    values: Mapping[str, bool | Offer] = Field(default_factory=dict)
    """The source's words, and what they mean."""

    @cached_property
    def words(self) -> dict[str | None, str]:
        """The words of `values` in their canonical form, and what they mean."""
        return {parsing.canonical(word): str(meaning) for word, meaning in self.values.items()}


class OutcomeSource(ReportSource):
    """Where a file of outcomes has a field."""

    values: dict[str, bool] = Field(default_factory=dict)
    """Words for `churned`, as Yes = true."""


class TreatmentSource(ReportSource):
    """Where a file of treatments has a field."""

    values: dict[str, Offer] = Field(default_factory=dict)
    """Words for `offer`, as Call = "high"."""
