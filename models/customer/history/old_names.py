"""Earlier names of fields: a renamed field is still found in files, logged rows and requests from before.

A field is declared as `Annotated[float, declaration.Formerly("old_name")]`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from models.customer.contract import Contract
from models.errors import ContractError


@dataclass(frozen=True)
class Formerly:
    """Annotation of a field that was renamed: its earlier name, which clients, files and logged rows may still have."""

    name: str


def declared(features: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """Return the earlier names of the fields of a class that have some."""
    fields = features.model_fields.items()
    names = {name: tuple(mark.name for mark in field.metadata if isinstance(mark, Formerly)) for name, field in fields}
    return {name: old for name, old in names.items() if old}


def check(contract: Contract, *, taken: Iterable[str]) -> None:
    """Check that each earlier name belongs to one field.

    Raises:
        ContractError: it is the name of another field, or one of the reserved names in `taken`.
    """
    used = {*contract.names, *taken}
    for feature in contract.features:
        for old in feature.formerly:
            if old in used:
                raise ContractError(field=feature.name, problem=f"Formerly names {old!r}, which has another meaning")
            used.add(old)


def accept(schema: dict[str, Any], formerly: Mapping[str, Sequence[str]]) -> None:
    """Let a model's schema accept the earlier names of fields; with both names, the earlier one is a surplus field."""
    if schema.get("type") == "model-fields":
        for name, names in formerly.items():
            if name in schema["fields"]:
                schema["fields"][name]["validation_alias"] = [[one] for one in (name, *names)]
    elif formerly:
        for node in schema.values():
            if isinstance(node, dict):
                accept(node, formerly)


def describe(described: dict[str, Any], formerly: Mapping[str, Sequence[str]]) -> None:
    """Mention earlier names in the JSON Schema of a model."""
    for name, names in formerly.items():
        field = described["properties"][name]
        listed = " or ".join(f"`{one}`" for one in names)
        field["description"] = f"{field.get('description', '')} Formerly {listed}, which is still accepted.".strip()


def present(contract: Contract, names: Collection[str]) -> dict[str, str]:
    """Map fields to the earlier names under which a table or row has them; those under their own name are left out."""
    renamed = [feature for feature in contract.features if feature.formerly and feature.name not in names]
    found = {feature.name: next((old for old in feature.formerly if old in names), None) for feature in renamed}
    return {name: old for name, old in found.items() if old is not None}


def renamed(contract: Contract, logged: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return logged values under the names of today; what was added since is missing."""
    found = present(contract, logged)
    return {**logged, **{name: logged[old] for name, old in found.items()}} if found else logged


def of_today(contract: Contract, logged: object) -> Mapping[str, Any] | None:
    """Read the values of a customer as an earlier contract named them; None if they cannot be used.

    Values of removed fields are ignored by name. A field that was added since has its default, or is unknown if it may
    be. With a missing field that may not be unknown, the row cannot be used.
    """
    if not isinstance(logged, dict):
        return None
    if contract.names_set <= logged.keys():
        return logged
    values = dict(renamed(contract, logged))
    for feature in contract.features:
        if feature.name not in values:
            if feature.default is None and not feature.nullable:
                return None
            values[feature.name] = feature.default
    return values
