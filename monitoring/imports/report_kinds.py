"""What a file may report about predictions: outcomes, or treatments. All else is the same for both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from models.customer import parsing
from models.log import outcome_recording, reported_times, treatment_recording
from models.log.errors import OutcomesContradicted, OutcomesRefused, TreatmentsContradicted
from models.log.outcomes import Outcome
from models.log.treatments import Offer, Treatment
from models.times import Time

Report = Outcome | Treatment
Recorded = outcome_recording.Recorded | treatment_recording.Recorded
Cells = Mapping[str, str]
"""Column to cell, as text; null and missing cells are left out."""
_NO, _YES = {"0", "false", "no", "n", "f", "off"}, {"1", "true", "yes", "y", "t", "on"}
"""The words that pydantic reads as a boolean, for outcomes."""


def _offer(cell: Any) -> Any:
    word = parsing.whole(cell) or ""
    text = word.lower()
    if text in _YES:
        said = "Input should name the offer, as medium or high; {cell} does not say which it was"
        raise PydanticCustomError("offer_not_named", said, {"cell": text})
    if text in _NO:
        return "none"
    if text not in get_args(Offer):
        remedy = "list {cell} under values of offer, in [treatments] of the columns file"
        said = f"Input should be none, medium or high, so {remedy}"
        raise PydanticCustomError("offer_unknown", said, {"cell": word or "the empty cell"})
    return text


class _OutcomeRow(Outcome):
    """An outcome in the format of files: yes and 1 are true, and a time without a zone is UTC."""

    model_config = ConfigDict(strict=False)

    churned: Annotated[bool, BeforeValidator(parsing.whole)]
    observed_at: Annotated[Time, reported_times.POSSIBLE]


class _TreatmentRow(Treatment):
    """A treatment in the format of files: no and 0 are no offer, and a time without a zone is UTC."""

    model_config = ConfigDict(strict=False)

    offer: Annotated[Offer, BeforeValidator(_offer)]
    given_at: Annotated[Time, reported_times.POSSIBLE]


@dataclass(frozen=True)
class Kind:
    """One kind of reports."""

    name: Literal["outcomes", "treatments"]
    """The word for them, and their section of the columns file."""
    row: type[Report]
    """Reads the cells of a row."""
    said: str
    """The field in which reports about a prediction must agree."""
    time: str
    record: Callable[..., list[Any]]
    """Stores up to 10,000 of them, all or none, and returns each as it is stored."""
    contradicted: type[OutcomesRefused]
    """Raised by `record` if a different report of the same prediction is known."""
    remark: Callable[[Any], str | None]
    """What to log of a recorded one; None for nothing."""
    remarked: str
    """What is true of those that are logged."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of a row."""
        return tuple(self.row.model_fields)


def _contradiction(one: outcome_recording.Recorded) -> str | None:
    if not one.contradicts:
        return None
    said = "churned" if one.churned else "stayed"
    return f"{one.prediction_id}: {one.reported_by} reports {said}, against {', '.join(one.contradicts)}"


def _broken_holdout(one: treatment_recording.Recorded) -> str | None:
    if not (one.is_new and one.breaks_holdout):
        return None
    return f"{one.prediction_id}: {one.reported_by} reports the {one.offer} offer to a customer who was held out"


OUTCOMES = Kind(
    name="outcomes",
    row=_OutcomeRow,
    said="churned",
    time="observed_at",
    record=outcome_recording.record,
    contradicted=OutcomesContradicted,
    remark=_contradiction,
    remarked="contradict another reporter",
)
TREATMENTS = Kind(
    name="treatments",
    row=_TreatmentRow,
    said="offer",
    time="given_at",
    record=treatment_recording.record,
    contradicted=TreatmentsContradicted,
    remark=_broken_holdout,
    remarked="are offers to customers who were held out",
)
