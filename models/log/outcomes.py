"""The outcome of a prediction, churned or stayed, as a client or a file reports it."""

from pydantic import BaseModel, ConfigDict, Field

from models.log.reported_times import ReportedTime

MAX_OUTCOMES = 10_000
"""Most outcomes in one request; databases limit the parameters of a statement."""


class Outcome(BaseModel):
    """Whether the customer of one prediction churned."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)

    prediction_id: str = Field(pattern="^[0-9a-f]{32}$", examples=["019ca6b1dc007a4d3f8a3a4f1c2d7e90"])
    """Id of the prediction, from its response."""
    churned: bool = Field(examples=[True])
    """Whether the customer churned."""
    observed_at: ReportedTime = Field(examples=["2026-06-01T00:00:00Z"])
    """When this was observed: not before the prediction and not in the future, with a tolerance of one day."""
