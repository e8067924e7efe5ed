"""Forms of the dashboard: how they are read, and what is wrong with a decision."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monitoring.settings import Decision, Reason, Reviewer

MAX_BYTES = 64 * 1_024
MAX_FIELDS = 20
_REMEDIES = {
    "decision": "Choose accept, retrain or ignore.",
    "by": "Give your name, in at most 100 characters.",
    "why": "Give the reason, in at most 2,000 characters.",
    "reviews": "Load this page again.",
}


class DecisionForm(BaseModel):
    """A decision as a person typed it."""

    model_config = ConfigDict(frozen=True)

    decision: Decision
    by: Reviewer
    why: Reason
    reviews: NonNegativeInt | None = None
    """How many decisions about the run the page showed above the form."""


async def read(request: Request) -> dict[str, str]:
    """Return the fields of a form, with line feeds as line ends.

    Raises:
        HTTPException: it is too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(413, "This form is too large. Shorten the reason.")
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise HTTPException(400, "This form has too many fields.") from error
    return {name: value.replace("\r\n", "\n") for name, value in fields}


def check(fields: Mapping[str, str]) -> tuple[DecisionForm | None, dict[str, str]]:
    """Return the decision, or None and what to correct, by field."""
    try:
        return DecisionForm.model_validate(dict(fields)), {}
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors()}
        return None, {name: remedy for name, remedy in _REMEDIES.items() if name in wrong}
