"""Builds the dataclasses of `churn_client.schemas` from JSON."""

from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Builder = Callable[[Any], Any]


def build(kind: type[T], raw: Any) -> T:
    """Return a `kind` with the values of a JSON object; names that it has no field for are ignored.

    Raises:
        TypeError, ValueError, AttributeError: the object lacks a field, or a value has another form.
    """
    declared: Any = kind
    built: T = _builder(declared)(raw)
    return built


@cache
def _builder(kind: Any) -> Builder:  # noqa: PLR0911  # one for each form
    if kind is datetime:
        return datetime.fromisoformat
    if is_dataclass(kind):
        return _object(kind)
    options = [_builder(option) for option in get_args(kind) if option is not NoneType]
    match get_origin(kind):
        case origin if origin is list:
            return lambda raw: [options[0](value) for value in raw]
        case origin if origin is tuple:
            return lambda raw: tuple(build(value) for build, value in zip(options, raw, strict=True))
        case origin if origin is dict:
            return lambda raw: {name: options[1](value) for name, value in raw.items()}
        case origin if origin in (Union, UnionType) and len(options) == 1:
            return lambda raw: None if raw is None else options[0](raw)
    return lambda raw: raw


def _object(kind: Any) -> Builder:
    fields = {name: _builder(hint) for name, hint in get_type_hints(kind).items()}
    return lambda raw: kind(**{name: fields[name](value) for name, value in raw.items() if name in fields})
