"""The contract: names, kinds, bounds, categories and units of all features, the fingerprint, and the input matrix.

`models.customer.declaration` derives a contract from a feature class. This module does not use pydantic.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from operator import itemgetter
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
"""(n, width) float32, encoded customers, columns in the contract's order; NaN means unknown."""
Vector = npt.NDArray[np.float64]
"""(n,) float64."""
Labels = npt.NDArray[np.int64]
"""(n,) outcomes: 1 churned, 0 stayed."""
Mask = npt.NDArray[np.bool_]
"""(n,) bool."""


class Columns(Protocol):
    """Feature name to a sequence of n raw values: a dict of lists, or a pandas DataFrame."""

    def __getitem__(self, name: str, /) -> Any: ...
    def __contains__(self, name: str, /) -> bool: ...


Kind = Literal["integer", "number", "boolean", "category"]
Limit = Literal["ge", "gt", "le", "lt"]
Category = int | str


@dataclass(frozen=True)
class Feature:
    """One feature of the contract."""

    name: str
    kind: Kind
    nullable: bool
    limits: Mapping[Limit, float]
    categories: tuple[Category, ...]
    labels: tuple[str, ...]
    at_least: str | None
    unit: str | None
    description: str
    phrase: str
    """Description of a value in reasons: `{value}` stands for it, or for its label, and `{s}` for the plural "s".

    Empty if none is declared: the words are then made from name and unit.
    """
    example: Any
    formerly: tuple[str, ...] = ()
    """Earlier names of the field."""
    required: bool = True
    """Whether a request must have it."""
    default: Any = None
    """Its value in a request without it."""
    is_age: bool = False
    """Whether tables may hold a date instead, from which the columns file makes the number."""
    is_clipped: bool = False
    """Whether a number beyond its bounds is set to the nearer one instead of being refused."""

    @property
    def matrix_columns(self) -> tuple[str, ...]:
        """Names of the feature's matrix columns: its own name, or one name for each category."""
        if self.kind == "category":
            return tuple(f"{self.name}={value}" for value in self.categories)
        return (self.name,)

    @property
    def dtype(self) -> str:
        """NumPy type of its column in tables and files; a nullable integer is a float, because integers have no NaN."""
        if self.kind == "number" or (self.kind == "integer" and self.nullable):
            return "float64"
        if self.nullable or any(isinstance(value, str) for value in self.categories):
            return "object"
        return "bool" if self.kind == "boolean" else "int64"

    def schema(self) -> dict[str, Any]:
        """Return the part that the fingerprint covers: all but prose, example, and how values are given."""
        return {
            "name": self.name,
            "kind": self.kind,
            "nullable": self.nullable,
            "limits": dict(self.limits),
            "categories": list(self.categories),
            "at_least": self.at_least,
            "unit": self.unit,
        }

    def one_hot(self) -> dict[Category | None, list[float]]:
        """Map each category, and None, to the values of its matrix columns."""
        return {value: [float(value == other) for other in self.categories] for value in (*self.categories, None)}

    def encode(self, values: Iterable[Any]) -> Vector:
        """Encode raw values as numbers: a category as its position, null as NaN, an unreadable value as inf."""
        if self.kind != "category":
            return _numbers(values, booleans=self.kind == "boolean")
        kind = getattr(getattr(values, "dtype", None), "kind", None)
        if kind in ("i", "u", "f"):  # a million rows have few distinct values
            different = np.unique(np.asarray(values))
            return self._codes(different.tolist())[np.searchsorted(different, np.asarray(values))]
        return self._codes(values.tolist() if hasattr(values, "tolist") else values)

    def _codes(self, values: Iterable[Any]) -> Vector:
        position: dict[int | float | str, float] = {value: float(at) for at, value in enumerate(self.categories)}
        codes = [np.nan if _is_null(value) else _code(position, value) for value in values]
        return np.array(codes, dtype=np.float64)


@dataclass(frozen=True)
class Contract:
    """All features, in the order of the feature class."""

    features: tuple[Feature, ...]
    absent: frozenset[str] = frozenset()
    """Fields that only the model has: they were removed since its training, and are unknown for every customer."""
    unseen: Mapping[str, tuple[Category, ...]] = field(default_factory=dict)
    """Levels by field that were added since the model's training; they are encoded as unknown."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Feature names, in the order of every table and file."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def names_set(self) -> frozenset[str]:
        """Feature names, as a set."""
        return frozenset(self.names)

    @cached_property
    def matrix_columns(self) -> tuple[str, ...]:
        """Names of the matrix columns, in order; their number is the matrix's width."""
        return tuple(column for feature in self.features for column in feature.matrix_columns)

    @cached_property
    def matrix_slices(self) -> dict[str, slice]:
        """The slice of matrix columns of each feature."""
        ends = np.cumsum([len(feature.matrix_columns) for feature in self.features]).tolist()
        starts = [0, *ends[:-1]]
        return {name: slice(start, end) for name, start, end in zip(self.names, starts, ends, strict=True)}

    @cached_property
    def clipped(self) -> tuple[str, ...]:
        """Names of the features whose values are clipped."""
        return tuple(feature.name for feature in self.features if feature.is_clipped)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all features' schemas, 64 hex digits; models with the same fingerprint take the same matrix."""
        return fingerprint_of(feature.schema() for feature in self.features)

    @cached_property
    def example(self) -> dict[str, Any]:
        """One valid customer, made from the first example of each field."""
        return {feature.name: feature.example for feature in self.features}

    def to_matrix(self, columns: Columns) -> Matrix:
        """Encode checked columns: numbers as they are, categories one-hot, null as NaN (a null category as zeros).

        The values must have passed `models.customer.checks` or the feature class: unreadable values become inf or all
        zeros.
        """
        first = next(name for name in self.names if name not in self.absent)
        matrix = np.empty((len(columns[first]), len(self.matrix_columns)), dtype=np.float32)
        for feature in self.features:
            is_category, at = feature.kind == "category", self.matrix_slices[feature.name]
            if feature.name in self.absent and feature.name not in columns:
                matrix[:, at] = 0 if is_category else np.nan
                continue
            encoded = feature.encode(columns[feature.name])[:, np.newaxis]
            matrix[:, at] = encoded == np.arange(len(feature.categories)) if is_category else encoded
        return matrix

    def encode_rows(self, rows: Iterable[object]) -> Matrix:
        """Encode instances of the feature class like `to_matrix`; 1 µs per row of five features, and 10 µs of 300."""
        numbers: list[float | None] = []
        absent: dict[str, Any] = dict.fromkeys(self.absent)
        for row in rows:
            values = list(self._values_of(row.__dict__ | absent if absent else row.__dict__))
            for at, one_hot in self._one_hot:
                values[at : at + 1] = one_hot[values[at]]
            numbers += values
        return np.array(numbers, dtype=np.float32).reshape(-1, len(self.matrix_columns))

    @cached_property
    def _values_of(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        """Return the values of all features in one call."""
        first, *others = self.names
        return itemgetter(first, *others) if others else lambda values: (values[first],)

    @cached_property
    def _one_hot(self) -> tuple[tuple[int, dict[Category | None, list[float]]], ...]:
        """The position of each category and its one-hot map, the last one first, so that positions stay right."""
        found = ((at, self._levels(feature)) for at, feature in enumerate(self.features) if feature.kind == "category")
        return tuple(found)[::-1]

    def _levels(self, feature: Feature) -> dict[Category | None, list[float]]:
        known = feature.one_hot()
        return known | dict.fromkeys(self.unseen.get(feature.name, ()), known[None])


def fingerprint_of(schemas: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of the schemas of all features, 64 hex digits."""
    text = json.dumps(list(schemas), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _code(position: Mapping[int | float | str, float], value: Any) -> float:
    # A boolean equals 0 or 1 but is not a category; a file may contain the category 1 as 1.0.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return np.inf
    return position.get(value, np.inf)


def _numbers(values: Iterable[Any], *, booleans: bool) -> Vector:
    array = np.asarray(values) if hasattr(values, "dtype") else np.array(list(values), dtype=object)
    if array.dtype.kind in "iuf" or (booleans and array.dtype.kind == "b"):
        return array.astype(np.float64)
    return np.array([_number(value, booleans=booleans) for value in array.tolist()], dtype=np.float64)


def _number(value: Any, *, booleans: bool) -> float:
    if _is_null(value):
        return np.nan
    if not isinstance(value, int | float | Decimal) or (isinstance(value, bool) and not booleans):
        return np.inf
    try:
        return float(value)
    except OverflowError:
        return np.inf


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))
