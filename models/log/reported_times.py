"""The time of a report about a prediction: not before the prediction, and not in the future."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from models import times
from models.log import row_ids

_TOLERANCE = timedelta(days=1)
"""Clocks differ, and many sources record only the day."""


def _possible(at: datetime, info: ValidationInfo) -> datetime:
    if at > datetime.now(UTC) + _TOLERANCE:
        raise PydanticCustomError("in_the_future", "Input should not be in the future")
    prediction = info.data.get("prediction_id")
    if prediction is not None and row_ids.first_id(at + _TOLERANCE) < prediction:
        raise PydanticCustomError("before_the_prediction", "Input should not be before the time of the prediction")
    return at


POSSIBLE = AfterValidator(_possible)
"""Checks a time that was read, in a field that comes after `prediction_id`; a day is tolerated on both sides."""
ReportedTime = Annotated[AwareDatetime, BeforeValidator(times.validated), POSSIBLE]
"""The time as a client of the service sends it."""
