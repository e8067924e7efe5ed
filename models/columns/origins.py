"""Where a table has a feature, the target, and the fields of an outcome: the entries of a columns file."""

from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.customer import parsing

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
    """Source value, as text, to the contract's value; if given, it must list all values, but for an open category."""
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


class OutcomeSource(BaseModel):
    """Where a file of outcomes has one of its three fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    values: dict[str, bool] = Field(default_factory=dict)
    """Words for `churned`, as Yes = true."""

    @cached_property
    def words(self) -> dict[str | None, str]:
        """The words of `values` in their canonical form, and what they mean."""
        return {parsing.canonical(word): str(meaning) for word, meaning in self.values.items()}
