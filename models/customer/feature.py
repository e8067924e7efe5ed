"""One feature of a contract: its name, kind, bounds, categories and words, and how its values become numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.customer.kinds import encoding, learned_levels
from models.customer.kinds.learned_levels import NEW, RARE, Unseen

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

    def described(self) -> dict[str, Any]:
        """Return what a manifest says of it: its schema, labels, and how values are given where that is not the usual.

        It is usual that a value is required, and refused beyond the bounds.
        """
        given = {"required": self.required, "default": self.default, "is_clipped": self.is_clipped}
        usual = {"required": True, "default": None, "is_clipped": False}
        unusual = {key: value for key, value in given.items() if value != usual[key]}
        return self.schema() | {"labels": [] if self.levels else list(self.labels)} | unusual

    def one_hot(self) -> Mapping[Any, list[float]]:
        """Map each category, and None, to the values of its matrix columns; an open category maps any level."""
        if self.kind == "open_category":
            return learned_levels.MatrixColumn(self.level_codes)
        return {value: [float(value == other) for other in self.categories] for value in (*self.categories, None)}

    def encode(self, values: Iterable[Any]) -> npt.NDArray[np.float64]:
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

    def _codes(self, values: Iterable[Any]) -> npt.NDArray[np.float64]:
        position: dict[int | float | str, float] = {value: float(at) for at, value in enumerate(self.categories)}
        return np.array([encoding.category(position, value) for value in values], dtype=np.float64)
