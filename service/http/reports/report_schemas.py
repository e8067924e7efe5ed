"""Request and response bodies of reports, except a single one (`models.log.outcomes`, `models.log.treatments`)."""

from pydantic import AwareDatetime, ConfigDict, Field

from models.log.outcomes import MAX_OUTCOMES, Outcome
from models.log.treatments import MAX_TREATMENTS, Offer, Treatment
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


class TreatmentBatch(Body):
    """Treatments to record in one request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    treatments: list[Treatment] = Field(min_length=1, max_length=MAX_TREATMENTS)
    """One to 10,000 treatments; if one cannot be recorded, none is."""


class RecordedTreatment(Body):
    """The recorded treatment of the customer of a prediction."""

    prediction_id: str
    """Id of the prediction."""
    offer: Offer
    """The offer that was made: that of the medium or of the high tier, or none."""
    given_at: AwareDatetime
    """When it was made or decided against, as first reported; UTC."""
    recorded_at: AwareDatetime
    """When it was first reported, UTC."""


class RecordedTreatments(Body):
    """The result of recording a batch of treatments."""

    new: int
    """Treatments that were recorded now."""
    known: int
    """Treatments that had been reported before."""
