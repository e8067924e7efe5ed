"""Request and response bodies of outcomes, except a single one (`models.log.outcomes`)."""

from pydantic import AwareDatetime, ConfigDict, Field

from models.log.outcomes import MAX_OUTCOMES, Outcome
from service.http.schemas import Body


class OutcomeBatch(Body):
    """Outcomes to record in one request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    outcomes: list[Outcome] = Field(min_length=1, max_length=MAX_OUTCOMES)
    """One to 10,000 outcomes; if one cannot be recorded, none is."""


class RecordedOutcome(Body):
    """The recorded outcome of a prediction."""

    prediction_id: str
    """Id of the prediction."""
    churned: bool
    """Whether the customer churned."""
    observed_at: AwareDatetime
    """When this was observed, as you first reported it; UTC."""
    recorded_at: AwareDatetime
    """When you first reported it, UTC."""


class RecordedOutcomes(Body):
    """The result of recording a batch of outcomes."""

    new: int
    """Outcomes that were recorded now."""
    known: int
    """Outcomes that you had reported before."""
