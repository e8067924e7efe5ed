"""The contract: names, kinds, bounds, categories and units of all features, the fingerprint, and the input matrix.

`models.customer.declaration` derives a contract from a feature class. This module does not use pydantic.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from models.customer import encoding, learned_levels
from models.customer.learned_levels import NEW, RARE, Unseen

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


Kind = Literal["integer", "number", "boolean", "category", "open_category"]
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
    most_levels: int | None = None
    """Number of levels of an open category that get a code of their own; None for other kinds."""
    unseen: Unseen | None = None
    """For an open category, whether a level that was never seen in training is refused; None for other kinds."""
    levels: Mapping[str, int] = field(default_factory=dict)
    """Levels of an open category in the training rows with their counts, most frequent first; empty until learned."""

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
        if self.nullable or self.holds_texts:
            return "object"
        return "bool" if self.kind == "boolean" else "int64"

    @property
    def holds_texts(self) -> bool:
        """Whether its values are texts."""
        return self.kind == "open_category" or any(isinstance(value, str) for value in self.categories)

    @cached_property
    def kept_levels(self) -> tuple[str, ...]:
        """The learned levels that have a code of their own: their position."""
        return tuple(self.levels)[: self.most_levels]

    @cached_property
    def level_codes(self) -> Mapping[str, float]:
        """Code of each learned level; the next code after the last one stands for levels that were never seen."""
        rare = len(self.kept_levels)
        return {level: float(min(at, rare)) for at, level in enumerate(self.levels)}

    def learned(self, counts: Mapping[str, int]) -> "Feature":
        """Return an open category with the levels that the training rows have, by their counts."""
        found = replace(self, levels=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))
        return replace(found, labels=(*found.kept_levels, RARE, NEW))

    def schema(self) -> dict[str, Any]:
        """Return the part that the fingerprint covers: all but prose, levels, example, and how values are given."""
        is_open = self.kind == "open_category"
        declared = {"most_levels": self.most_levels, "unseen": self.unseen} if is_open else {}
        return declared | {
            "name": self.name,
            "kind": self.kind,
            "nullable": self.nullable,
            "limits": dict(self.limits),
            "categories": list(self.categories),
            "at_least": self.at_least,
            "unit": self.unit,
        }

    def one_hot(self) -> Mapping[Any, list[float]]:
        """Map each category, and None, to the values of its matrix columns; an open category maps any level."""
        if self.kind == "open_category":
            return learned_levels.MatrixColumn(self.level_codes)
        return {value: [float(value == other) for other in self.categories] for value in (*self.categories, None)}

    def encode(self, values: Iterable[Any]) -> Vector:
        """Encode raw values as numbers: a category as its position, null as NaN, an unreadable value as inf.

        A level of an open category is encoded as its code. If it was never seen in training, it has the highest code,
        or is unreadable if the feature refuses it.
        """
        if self.kind == "open_category":
            new = np.inf if self.unseen == "refused" and self.levels else len(self.kept_levels) + 1.0
            return learned_levels.encode(values, self.level_codes, new=new)
        if self.kind != "category":
            return encoding.numbers(values, booleans=self.kind == "boolean")
        kind = getattr(getattr(values, "dtype", None), "kind", None)
        if kind in ("i", "u", "f"):  # a million rows have few distinct values
            different = np.unique(np.asarray(values))
            return self._codes(different.tolist())[np.searchsorted(different, np.asarray(values))]
        return self._codes(values.tolist() if hasattr(values, "tolist") else values)

    def _codes(self, values: Iterable[Any]) -> Vector:
        position: dict[int | float | str, float] = {value: float(at) for at, value in enumerate(self.categories)}
        return np.array([encoding.category(position, value) for value in values], dtype=np.float64)


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
    def open_categories(self) -> tuple[Feature, ...]:
        """The features whose levels are learned."""
        return tuple(feature for feature in self.features if feature.kind == "open_category")

    def learned(self, levels: Mapping[str, Mapping[str, int]]) -> Self:
        """Return the contract with the levels of its open categories and their counts in the training rows.

        The levels may have an earlier name of their feature.
        """
        if not self.open_categories:
            return self
        learned = {
            feature.name: feature.learned(
                next((levels[name] for name in (feature.name, *feature.formerly) if name in levels), {})
            )
            for feature in self.open_categories
        }
        return replace(self, features=tuple(learned.get(feature.name, feature) for feature in self.features))

    @cached_property
    def for_clients(self) -> tuple[Feature, ...]:
        """The features without the rare levels of open categories."""
        kept = {
            feature.name: replace(
                feature, levels={level: feature.levels[level] for level in feature.kept_levels}, labels=()
            )
            for feature in self.open_categories
        }
        return tuple(kept.get(feature.name, feature) for feature in self.features)

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

        An open category is one column: the code of the level, or NaN if it was never seen in training.

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
            if feature.kind == "open_category":
                encoded[encoded > len(feature.kept_levels)] = np.nan
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
    def _one_hot(self) -> tuple[tuple[int, Mapping[Any, list[float]]], ...]:
        """The position of each category and the map to its matrix columns, the last one first: positions stay right."""
        mapped = ("category", "open_category")
        found = ((at, self._columns_of(feature)) for at, feature in enumerate(self.features) if feature.kind in mapped)
        return tuple(found)[::-1]

    def _columns_of(self, feature: Feature) -> Mapping[Any, list[float]]:
        known, unseen = feature.one_hot(), self.unseen.get(feature.name, ())
        return {**known, **dict.fromkeys(unseen, known[None])} if unseen else known


def fingerprint_of(schemas: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of the schemas of all features, 64 hex digits."""
    text = json.dumps(list(schemas), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
