"""Numbers that are set to the nearer of their bounds where they lie beyond, instead of being refused."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from models.customer.contract import Mask
from models.customer.feature import Feature, Limit
from models.customer.kinds import marks
from models.errors import ContractError

_MARK = "clipped"


class ClippedFloat(float):
    """A number that was beyond a bound, and is the bound now."""


class ClippedInteger(int):
    """A whole number that was beyond a bound, and is the bound now."""


@dataclass(frozen=True)
class Clipped:
    """Annotation of a number with the bounds ge and le: a value beyond is set to the bound, and counted."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return marks.put(handler(source), _MARK, value=True)


def require_bounds(name: str, limits: Mapping[Limit, float], example: Any) -> None:
    """Check that a clipped field has the two bounds to clip to, and an example between them.

    Raises:
        ContractError: it has not.
    """
    if limits.keys() != {"ge", "le"}:
        raise ContractError(field=name, problem="a clipped number needs the bounds ge and le")
    if isinstance(example, int | float) and not limits["ge"] <= example <= limits["le"]:
        raise ContractError(field=name, problem="its first example lies beyond its bounds, and would be clipped")


def is_clipped(schema: Mapping[str, Any]) -> bool:
    """Tell whether the core schema of a number is clipped; without both bounds it cannot be, and is refused later."""
    return marks.get(schema, _MARK) is not None and {"ge", "le"} <= schema.keys()


def checked(schema: Any) -> CoreSchema:
    """Return a schema that clips, for a clipped number; any other schema unchanged."""
    if not is_clipped(schema):
        return schema  # type: ignore[no-any-return]  # a core schema
    kind = ClippedInteger if schema["type"] == "int" else ClippedFloat
    clip = partial(_clip, kind=kind, low=schema["ge"], high=schema["le"])
    return core_schema.no_info_after_validator_function(clip, _unbounded(schema))


def described(schema: Any, describe: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Return the JSON Schema of a core schema: a clipped number has no bounds, but `clipped_to`."""
    if not is_clipped(schema):
        return describe(schema)
    return {**describe(_unbounded(schema)), "clipped_to": [schema["ge"], schema["le"]]}


def beyond(feature: Feature, values: Any) -> tuple[Mask, list[Any]]:
    """Return which of the values of a column lie beyond the bounds, and all values clipped."""
    encoded = feature.encode(values)
    low, high = feature.limits["ge"], feature.limits["le"]
    mask = np.isfinite(encoded) & ((encoded < low) | (encoded > high))
    clipped = np.clip(encoded[mask], low, high).tolist()
    cells = values.tolist()
    for at, value in zip(np.flatnonzero(mask).tolist(), clipped, strict=True):
        cells[at] = value
    return mask, cells


def count(rows: Iterable[object], names: Sequence[str]) -> dict[str, int]:
    """Count the values that were clipped when these instances of the feature class were made, by field."""
    values = [row.__dict__ for row in rows]
    counted = {name: sum(type(row[name]) in (ClippedFloat, ClippedInteger) for row in values) for name in names}
    return {name: found for name, found in counted.items() if found}


def _unbounded(schema: Mapping[str, Any]) -> Any:
    return {key: value for key, value in schema.items() if key not in ("ge", "le")}


def _clip(value: Any, *, kind: type[Any], low: float, high: float) -> Any:
    if low <= value <= high:
        return value
    return kind(low if value < low else high)
