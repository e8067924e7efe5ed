"""The outcome of a prediction, churned or stayed, as a client or a file reports it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from models import times
from models.log import row_ids

MAX_OUTCOMES = 10_000
"""Most outcomes in one request; databases limit the parameters of a statement."""
_TOLERANCE = timedelta(days=1)
"""Clocks differ, and many sources record only the day."""


class Outcome(BaseModel):
    """Whether the customer of one prediction churned."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)

    prediction_id: str = Field(pattern="^[0-9a-f]{32}$", examples=["019ca6b1dc007a4d3f8a3a4f1c2d7e90"])
    """Id of the prediction, from its response."""
    churned: bool = Field(examples=[True])
    """Whether the customer churned."""
    observed_at: Annotated[AwareDatetime, BeforeValidator(times.validated)] = Field(examples=["2026-06-01T00:00:00Z"])
    """When this was observed: not before the prediction and not in the future, with a tolerance of one day."""

    @field_validator("observed_at")
    @classmethod
    def _is_possible(cls, at: datetime, info: ValidationInfo) -> datetime:
        if at > datetime.now(UTC) + _TOLERANCE:
            raise PydanticCustomError("in_the_future", "Input should not be in the future")
        prediction = info.data.get("prediction_id")
        if prediction is not None and row_ids.first_id(at + _TOLERANCE) < prediction:
            raise PydanticCustomError("before_the_prediction", "Input should not be before the time of the prediction")
        return at
