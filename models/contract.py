"""What follows from a feature class: names, kinds, bounds, categories, units, the fingerprint and the model's matrix.

One derivation serves the API, training, the drift job and the tests, for any class with integer, number, boolean
and category fields. Knows nothing of this project's own fields, which are in `models.features`.
"""

import hashlib
import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, Union, cast, get_args, get_origin

import annotated_types
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from pydantic_core.core_schema import ValidationInfo

from models.errors import ContractError

Matrix = npt.NDArray[np.float32]
"""(n, width) float32, encoded customers in the contract's order; NaN is unknown."""
Vector = npt.NDArray[np.float64]
"""(n,) float64."""
Labels = npt.NDArray[np.int64]
"""(n,) outcomes: 1 churned, 0 stayed."""
Mask = npt.NDArray[np.bool_]
"""(n,) bool."""


class Columns(Protocol):
    """Feature name to a sequence of n raw values: a dict of lists, or a pandas DataFrame."""

    def __getitem__(self, name: str, /) -> Any: ...


Kind = Literal["integer", "number", "boolean", "category"]
Limit = Literal["ge", "gt", "le", "lt"]
Category = int | str

_KINDS: dict[object, Kind] = {int: "integer", float: "number", bool: "boolean"}


def _keep_literals_exact(schema: dict[str, Any]) -> None:
    """Guard every literal below `schema`: pydantic 2.14 lets `true` and `1.0` pass as `Literal[1]`, being equal."""
    for key, node in schema.items():
        if isinstance(node, dict) and node.get("type") == "literal":
            schema[key] = core_schema.no_info_before_validator_function(_refuse_lookalike, cast(CoreSchema, node))
        elif isinstance(node, dict):
            _keep_literals_exact(node)


def _refuse_lookalike(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise PydanticCustomError("category_type", "Input should be a category, not a boolean or a decimal number")
    return value


class Features(BaseModel):
    """Base of a feature class: strict, closed and finite, so that a wrong request is refused, not repaired."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _keep_literals_exact(cast(dict[str, Any], schema))
        return schema


@dataclass(frozen=True)
class AtLeast:
    """Annotation of a number that is never below `field`, a field declared before it, where both are known."""

    field: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def _check(self, value: float | None, info: ValidationInfo) -> float | None:
        other = info.data.get(self.field)
        if value is not None and other is not None and value < other:
            facts = {"field": self.field, "other": other}
            raise PydanticCustomError("at_least", "Input should be at least {field}, which is {other}", facts)
        return value


@dataclass(frozen=True)
class Feature:
    """One field of the contract, free of pydantic."""

    name: str
    kind: Kind
    nullable: bool
    limits: Mapping[Limit, float]
    categories: tuple[Category, ...]
    labels: tuple[str, ...]
    at_least: str | None
    unit: str | None
    description: str
    example: Any

    @property
    def matrix_columns(self) -> tuple[str, ...]:
        """Names of the matrix columns that it becomes: itself, or one for each category."""
        if self.kind == "category":
            return tuple(f"{self.name}={value}" for value in self.categories)
        return (self.name,)

    @property
    def dtype(self) -> str:
        """The NumPy type of its column in tables and files; a nullable integer is a float, so that NaN fits."""
        if self.kind == "number" or (self.kind == "integer" and self.nullable):
            return "float64"
        if self.nullable or any(isinstance(value, str) for value in self.categories):
            return "object"
        return "bool" if self.kind == "boolean" else "int64"

    def schema(self) -> dict[str, Any]:
        """What makes two features interchangeable, without prose: the part of it that the fingerprint covers."""
        return {
            "name": self.name,
            "kind": self.kind,
            "nullable": self.nullable,
            "limits": dict(self.limits),
            "categories": list(self.categories),
            "at_least": self.at_least,
            "unit": self.unit,
        }

    def encode(self, values: Iterable[Any]) -> Vector:
        """Turn raw values into numbers: a category into its position, null into NaN, the unreadable into inf."""
        if self.kind != "category":
            return _numbers(values, booleans=self.kind == "boolean")
        raw = values.tolist() if hasattr(values, "tolist") else values
        position: dict[Any, float] = {value: float(at) for at, value in enumerate(self.categories)}
        codes = [
            np.nan if _is_null(value) else np.inf if isinstance(value, bool) else position.get(value, np.inf)
            for value in raw
        ]
        return np.array(codes, dtype=np.float64)


@dataclass(frozen=True)
class Contract:
    """The features in the order of the class, and what depends on all of them."""

    features: tuple[Feature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Feature names, in the order of every table and file."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def matrix_columns(self) -> tuple[str, ...]:
        """Names of the matrix columns, in order; its length is the matrix's width."""
        return tuple(column for feature in self.features for column in feature.matrix_columns)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the schema without prose, 64 hex digits: equal exactly when models are interchangeable."""
        text = json.dumps([feature.schema() for feature in self.features], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def example(self) -> dict[str, Any]:
        """One valid customer, made of each field's first example."""
        return {feature.name: feature.example for feature in self.features}

    def to_columns(self, rows: Iterable[BaseModel]) -> dict[str, list[Any]]:
        """Turn validated rows into columns."""
        listed = list(rows)
        return {name: [getattr(row, name) for row in listed] for name in self.names}

    def to_matrix(self, columns: Columns) -> Matrix:
        """Encode checked columns: numbers as they are, categories one-hot, null as NaN (a null category as zeros).

        Values must have passed `models.checks` or the feature class: what is unreadable becomes inf or all zeros.
        """
        blocks = []
        for feature in self.features:
            encoded = feature.encode(columns[feature.name])[:, np.newaxis]
            blocks.append(encoded == np.arange(len(feature.categories)) if feature.kind == "category" else encoded)
        return np.hstack(blocks, dtype=np.float32, casting="same_kind")


def derive(features: type[Features]) -> Contract:
    """Derive the contract of a feature class.

    Raises:
        ContractError: a field has a type that no matrix can hold, lacks a bound or an example, or names an unknown
            field in `AtLeast`.
    """
    derived = tuple(_feature(name, field) for name, field in features.model_fields.items())
    seen: set[str] = set()
    for feature in derived:
        if feature.at_least is not None and feature.at_least not in seen:
            raise ContractError(
                field=feature.name, problem=f"AtLeast names {feature.at_least!r}, not declared before it"
            )
        seen.add(feature.name)
    return Contract(derived)


def _feature(name: str, field: FieldInfo) -> Feature:
    inner, nullable = _without_none(field.annotation)
    categories = get_args(inner) if get_origin(inner) is Literal else ()
    kind = "category" if categories else _KINDS.get(inner)
    if kind is None:
        raise ContractError(field=name, problem=f"{inner} is not int, float, bool or Literal")
    limits = _limits(field)
    if kind in ("integer", "number") and not (limits.keys() & {"ge", "gt"} and limits.keys() & {"le", "lt"}):
        raise ContractError(field=name, problem="a number needs a lower and an upper bound (ge and le)")
    if not field.examples:
        raise ContractError(field=name, problem="no example; give Field(examples=[...])")
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    orders = [mark.field for mark in field.metadata if isinstance(mark, AtLeast)]
    return Feature(
        name=name,
        kind=kind,
        nullable=nullable,
        limits=limits,
        categories=categories,
        labels=tuple(str(label) for label in _sequence(extra.get("labels")) or categories),
        at_least=orders[0] if orders else None,
        unit=str(extra["unit"]) if "unit" in extra else None,
        description=field.description or "",
        example=field.examples[0],
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    rest = [part for part in get_args(annotation) if part is not types.NoneType]
    return (rest[0] if len(rest) == 1 else annotation), len(rest) < len(get_args(annotation))


def _limits(field: FieldInfo) -> dict[Limit, float]:
    found: dict[Limit, float] = {}
    for mark in field.metadata:
        match mark:
            case annotated_types.Ge(ge=value):
                found["ge"] = value  # type: ignore[assignment]  # annotated_types types its bounds as protocols
            case annotated_types.Gt(gt=value):
                found["gt"] = value  # type: ignore[assignment]  # as above
            case annotated_types.Le(le=value):
                found["le"] = value  # type: ignore[assignment]  # as above
            case annotated_types.Lt(lt=value):
                found["lt"] = value  # type: ignore[assignment]  # as above
    return found


def _numbers(values: Iterable[Any], *, booleans: bool) -> Vector:
    array = np.asarray(values) if hasattr(values, "dtype") else np.array(list(values), dtype=object)
    if array.dtype.kind in "iuf" or (booleans and array.dtype.kind == "b"):
        return array.astype(np.float64)
    return np.array([_number(value, booleans=booleans) for value in array.tolist()], dtype=np.float64)


def _number(value: Any, *, booleans: bool) -> float:
    if _is_null(value):
        return np.nan
    readable = isinstance(value, int | float) and (booleans or not isinstance(value, bool))
    return float(value) if readable else np.inf


def _is_null(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124  # NaN of any library, and pandas.NaT, differ from themselves


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
