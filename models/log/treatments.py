"""The treatment of a customer after a prediction: the offer that was made, as a client reports it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.log.reported_times import ReportedTime

Offer = Literal["none", "medium", "high"]
"""`none`, or the tier of the costs file whose offer was made."""
MAX_TREATMENTS = 10_000
"""Most treatments in one request; databases limit the parameters of a statement."""


class Treatment(BaseModel):
    """Which offer the customer of one prediction got."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)

    prediction_id: str = Field(pattern="^[0-9a-f]{32}$", examples=["019ca6b1dc007a4d3f8a3a4f1c2d7e90"])
    """Id of the prediction, from its response."""
    offer: Offer = Field(examples=["high"])
    """The offer that was made: that of the medium or of the high tier, or none."""
    given_at: ReportedTime = Field(examples=["2026-03-02T09:30:00Z"])
    """When it was made or decided against: not before the prediction, nor in the future; a day is tolerated."""
