"""Base class of feature classes, and the derivation of a contract from one.

Supports integer, number, boolean, category and open category fields, nullable or not.
"""

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from pydantic_core.core_schema import ValidationInfo

from models.customer.contract import Contract
from models.customer.feature import Feature, Kind, Limit
from models.customer.history import old_names
from models.customer.kinds import ages, clipping, open_category, strict_types, unsupported
from models.errors import ContractError

_TAKEN = ("churned", "customer_id")
"""Reserved names: the outcome column of training tables, and the customer's id in requests."""
# The annotations that a feature class may use, besides `AtLeast`.
Age = ages.Age
Category = open_category.Category
Clipped = clipping.Clipped
Formerly = old_names.Formerly
_KINDS: dict[object, Kind] = {int: "integer", float: "number", bool: "boolean"}


class Features(BaseModel):
    """Base of a feature class: strict types, no unknown fields, no infinity or NaN; wrong values are rejected.

    An integer may be written as `4.0`, which is the same number in JSON.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        strict_types.tighten(cast(dict[str, Any], schema))
        old_names.accept(cast(dict[str, Any], schema), old_names.declared(source))
        return schema

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema)
        old_names.describe(handler.resolve_ref_schema(described), old_names.declared(cls))
        return described


@dataclass(frozen=True)
class AtLeast:
    """Annotation of a number that is at least `field`, if both are known; `field` must be declared before it."""

    field: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def _check(self, value: float | None, info: ValidationInfo) -> float | None:
        other = info.data.get(self.field)
        if value is not None and other is not None and value < other:
            facts = {"field": self.field, "other": other}
            raise PydanticCustomError("at_least", "Input should be at least {field}, which is {other}", facts)
        return value


def derive(features: type[Features]) -> Contract:
    """Derive the contract of a feature class.

    Raises:
        ContractError: a field declares something that the contract does not support, or its example or default is not
            valid.
    """
    derived = tuple(_feature(name, field) for name, field in features.model_fields.items())
    numbers: set[str] = set()
    for feature in derived:
        if feature.at_least is not None and feature.at_least not in numbers:
            raise ContractError(
                field=feature.name, problem=f"AtLeast names {feature.at_least!r}, which is no number declared before it"
            )
        if feature.kind in ("integer", "number"):
            numbers.add(feature.name)
    contract = Contract(derived)
    old_names.check(contract, taken=_TAKEN)
    _check_values(features, contract.example)
    return contract


def _check_values(features: type[Features], example: dict[str, Any]) -> None:
    """Check the first examples and the defaults, so that no client meets an error that the class has made."""
    _check_value(features, example, "first example")
    for name, field in features.model_fields.items():
        if field.default_factory is not None:
            raise ContractError(field=name, problem="it has a default_factory; a default must be a constant")
        if field.is_required() or (field.default is None and _without_none(field.annotation)[1]):
            continue
        if any(isinstance(mark, AtLeast) for mark in field.metadata):
            raise ContractError(field=name, problem="its default may be below its AtLeast field; use default=None")
        _check_value(features, example | {name: field.default}, f"default {field.default!r}", of=name)


def _check_value(features: type[Features], values: dict[str, Any], kind: str, *, of: str = "") -> None:
    try:
        features.model_validate(values)
    except ValidationError as error:
        rules = error.errors(include_url=False)
        rule = next((rule for rule in rules if rule["loc"][0] == of), None) if of else rules[0]
        if rule is not None:
            problem = f"its {kind} is not valid: {rule['msg']}"
            raise ContractError(field=str(rule["loc"][0]), problem=problem) from error


def _feature(name: str, field: FieldInfo) -> Feature:
    inner, nullable = _without_none(field.annotation)
    categories = get_args(inner) if get_origin(inner) is Literal else ()
    opened = next((mark for mark in field.metadata if isinstance(mark, Category)), None)
    kind = _kind(name, inner, categories, opened)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    labels = extra.get("labels", list(categories))
    if not isinstance(labels, list) or len(labels) != len(categories):
        raise ContractError(field=name, problem="labels must be a list with one label for each category")
    if name in _TAKEN:
        raise ContractError(field=name, problem="the name is reserved for the outcome or the customer's id")
    if field.alias or field.validation_alias:
        raise ContractError(field=name, problem="it has an alias, but a feature has only one name")
    if not field.examples:
        raise ContractError(field=name, problem="it has no example; add Field(examples=[...])")
    orders = [mark.field for mark in field.metadata if isinstance(mark, AtLeast)]
    age = next((mark for mark in field.metadata if isinstance(mark, Age)), None)
    limits, is_clipped = _limits(name, kind, field), any(isinstance(mark, Clipped) for mark in field.metadata)
    if is_clipped:
        clipping.require_bounds(name, limits, field.examples[0])
    return Feature(
        name=name,
        kind=kind,
        nullable=nullable,
        limits=limits,
        categories=categories,
        labels=tuple(map(str, labels)),
        at_least=orders[0] if orders else None,
        unit=ages.unit(name, kind, str(extra["unit"]) if "unit" in extra else None, age),
        description=field.description or "",
        phrase=_phrase(name, extra),
        example=field.examples[0],
        formerly=tuple(mark.name for mark in field.metadata if isinstance(mark, Formerly)),
        required=field.is_required(),
        default=None if field.is_required() else field.default,
        is_age=age is not None,
        is_clipped=is_clipped,
        most_levels=opened.max if opened else None,
        unseen=opened.unseen if opened else None,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    rest = [part for part in get_args(annotation) if part is not types.NoneType]
    return (rest[0] if len(rest) == 1 else annotation), len(rest) < len(get_args(annotation))


def _kind(name: str, inner: Any, categories: tuple[int | str, ...], opened: Category | None) -> Kind:
    if opened:
        if problem := opened.problem if inner is str else "Category(max=...) needs the type str, or str | None":
            raise ContractError(field=name, problem=problem)
        return "open_category"
    if categories:
        if {type(category) for category in categories} not in ({int}, {str}):
            raise ContractError(field=name, problem="categories must be all integers or all strings")
        return "category"
    if get_origin(inner) is Annotated:
        raise ContractError(field=name, problem="bounds are declared inside `| None`; declare them on the field itself")
    if inner not in _KINDS:
        raise ContractError(field=name, problem=unsupported.reason(inner))
    return _KINDS[inner]


def _phrase(name: str, extra: dict[str, Any]) -> str:
    phrase = str(extra.get("phrase", ""))
    try:
        phrase.format(value="", s="")
    except (LookupError, ValueError, AttributeError) as error:
        raise ContractError(field=name, problem=f"phrase {phrase!r} may contain only {{value}} and {{s}}") from error
    return phrase


def _limits(name: str, kind: Kind, field: FieldInfo) -> dict[Limit, float]:
    found: dict[Limit, float] = {}
    for mark in field.metadata:
        match mark:
            case annotated_types.Ge(ge=bound):
                found["ge"] = cast(float, bound)
            case annotated_types.Gt(gt=bound):
                found["gt"] = cast(float, bound)
            case annotated_types.Le(le=bound):
                found["le"] = cast(float, bound)
            case annotated_types.Lt(lt=bound):
                found["lt"] = cast(float, bound)
            case AtLeast() | Formerly() | Age() | Clipped() | Category():
                continue
            case _:
                raise ContractError(
                    field=name, problem=f"{mark} is not supported; use ge, gt, le, lt, AtLeast, Age or Clipped"
                )
    bounded = found.keys() & {"ge", "gt"} and found.keys() & {"le", "lt"}
    if kind in ("integer", "number") and not bounded:
        raise ContractError(field=name, problem="a number needs a lower and an upper bound (ge and le)")
    return found
