"""Strict types of a feature class: what pydantic's own integers, literals and numbers do not check as JSON needs it."""

from typing import Any, cast

from pydantic_core import CoreSchema, core_schema

from models.customer.kinds import ages, clipping, levels

_WHOLE = core_schema.custom_error_schema(
    core_schema.union_schema(
        [
            core_schema.int_schema(strict=True),
            core_schema.chain_schema([core_schema.float_schema(strict=True), core_schema.int_schema(strict=False)]),
        ],
        mode="left_to_right",
    ),
    custom_error_type="int_type",
)
"""A whole number in any spelling of JSON, as `4`, `4.0` or `4e0`; no text and no boolean."""


def tighten(schema: dict[str, Any]) -> None:
    """Replace every integer, literal and age in `schema`.

    Strict integers refuse `4.0`, which JSON does not tell from `4`. Literals accept `true` as `Literal[1]`, being
    equal, in pydantic 2.14.
    """
    for key, node in schema.items():
        if not isinstance(node, dict):
            continue
        match node.get("type"):
            case "int":
                schema[key] = _described_as(node, core_schema.chain_schema([_WHOLE, clipping.checked(node)]))
            case "literal":
                schema[key] = _exactly(cast(core_schema.LiteralSchema, node))
            case "float" if unit := ages.unit_of(node):
                schema[key] = _described_as(node, ages.checked(clipping.checked(node), unit))
            case "float" if clipping.is_clipped(node):
                schema[key] = _described_as(node, clipping.checked(node))
            case _:
                tighten(node)


def _exactly(literal: core_schema.LiteralSchema) -> CoreSchema:
    """Return a schema that checks the type before the value, without a Python call for each row."""
    values = literal["expected"]
    typed = _WHOLE if isinstance(values[0], int) else core_schema.str_schema(strict=True)
    checked = core_schema.custom_error_schema(
        core_schema.chain_schema([typed, literal]),
        custom_error_type="literal_error",
        custom_error_context={"expected": levels.listed(values)},
    )
    return _described_as(literal, checked)


def _described_as(described: Any, checked: Any) -> CoreSchema:
    """Return `checked` with the JSON Schema of `described`."""
    functions = {"pydantic_js_functions": [lambda _, describe: clipping.described(described, describe)]}
    return cast(CoreSchema, checked | {"metadata": described.get("metadata", {}) | functions})
