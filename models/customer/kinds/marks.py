"""Marks that an annotation of a number leaves in its core schema, for the feature class to find."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import CoreSchema


def put(schema: CoreSchema, mark: str, *, value: Any) -> CoreSchema:
    """Mark the number in a schema; the mark stays when bounds are added to it later."""
    number: Any = schema
    while number["type"] not in ("int", "float") and "schema" in number:
        number = number["schema"]
    if number["type"] in ("int", "float"):
        number["metadata"] = {**number.get("metadata", {}), mark: value}
    return schema


def get(schema: Mapping[str, Any], mark: str) -> Any:
    """Return the value of a mark; None if the schema has no such mark."""
    return schema.get("metadata", {}).get(mark)
