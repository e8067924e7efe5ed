"""Ages: numbers that tables may hold as dates, and that clients send as numbers."""

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from models.customer.contract import Vector
from models.customer.feature import Kind
from models.customer.kinds import marks
from models.errors import ContractError

Unit = Literal["days", "weeks", "months", "years"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_DAYS: dict[str, float] = {"days": 1, "weeks": 7, "months": 30.4375, "years": 365.25}
_DAY_SECONDS = 86_400
_MARK = "age_in"
"""Key under which a core schema keeps the unit until `checked` reads it."""


@dataclass(frozen=True)
class Age:
    """Annotation of a float: the time from a date to the prediction, in days, weeks, months or years.

    A year is 365.25 days and a month a twelfth of it, 30.4375 days.
    """

    unit: Unit

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return marks.put(handler(source), _MARK, value=self.unit)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(core), "unit": self.unit}


def unit(name: str, kind: Kind, declared: str | None, age: Age | None) -> str | None:
    """Return the unit of a field: that of its age, or the declared one.

    Raises:
        ContractError: the field cannot be such an age.
    """
    if age is None:
        return declared
    if kind != "number":
        raise ContractError(field=name, problem="an age is a float: the time between two dates is seldom whole")
    if age.unit not in UNITS:
        raise ContractError(field=name, problem=f"an age is in {', '.join(UNITS)}, and not in {age.unit}")
    if declared not in (None, age.unit):
        raise ContractError(field=name, problem=f"its unit is {declared}, but it is an age in {age.unit}")
    return age.unit


def unit_of(schema: dict[str, Any]) -> str | None:
    """Return the unit of a core schema that is an age; None if it is none."""
    return cast(str | None, marks.get(schema, _MARK))


def checked(schema: Any, unit: str) -> CoreSchema:
    """Return a schema that names the remedy where a client sends a date, without a Python call for each row."""
    typed = core_schema.custom_error_schema(
        core_schema.float_schema(strict=True, allow_inf_nan=False),
        custom_error_type="age_type",
        custom_error_message=(
            "Input should be a number of {unit}: an age at the time of the prediction. "
            "For a date, send the {unit} from it until now"
        ),
        custom_error_context={"unit": unit},
    )
    return core_schema.chain_schema([typed, schema])


def between(since: Vector, until: Vector, unit: str) -> Vector:
    """Return the ages at `until` of what began at `since`, both in seconds; negative if it begins later.

    >>> import numpy as np
    >>> between(np.array([0.0]), np.array([86_400 * 1_461.0]), "months")
    array([48.])
    """
    return (until - since) / (_DAY_SECONDS * _DAYS[unit])
