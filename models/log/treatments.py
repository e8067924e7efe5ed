"""The treatment of a customer after a prediction: the offer that was made, as a client reports it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from models import times
from models.log import row_ids

Offer = Literal["none", "medium", "high"]
"""`none`, or the tier of the costs file whose offer was made."""
MAX_TREATMENTS = 10_000
"""Most treatments in one request; databases limit the parameters of a statement."""
_TOLERANCE = timedelta(days=1)
"""Clocks differ, and many sources record only the day."""


class Treatment(BaseModel):
    """Which offer the customer of one prediction got."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)

    prediction_id: str = Field(pattern="^[0-9a-f]{32}$", examples=["019ca6b1dc007a4d3f8a3a4f1c2d7e90"])
    """Id of the prediction, from its response."""
    offer: Offer = Field(examples=["high"])
    """The offer that was made: that of the medium or of the high tier, or none."""
    given_at: Annotated[AwareDatetime, BeforeValidator(times.validated)] = Field(examples=["2026-03-02T09:30:00Z"])
    """When it was made or decided against: not before the prediction, nor in the future; a day is tolerated."""

    @field_validator("given_at")
    @classmethod
    def _is_possible(cls, at: datetime, info: ValidationInfo) -> datetime:
        if at > datetime.now(UTC) + _TOLERANCE:
            raise PydanticCustomError("in_the_future", "Input should not be in the future")
        prediction = info.data.get("prediction_id")
        if prediction is not None and row_ids.first_id(at + _TOLERANCE) < prediction:
            raise PydanticCustomError("before_the_prediction", "Input should not be before the time of the prediction")
        return at
