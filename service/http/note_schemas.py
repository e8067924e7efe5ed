"""Response body of a prediction with a note."""

from pydantic import Field

from service import notes
from service.http.schemas import Body, ExplainedPrediction


class Note(Body):
    """A note for the person who calls the customer."""

    text: str = Field(max_length=notes.MAX_CHARACTERS, examples=[notes.EXAMPLE])
    """Two sentences of plain text, made of the tier and of the names of the features with the strongest effect."""
    written_by: notes.Writer
    """`model`: a language model, whose text is checked for its form, not for its truth. `template`: fixed sentences."""


class NotedPrediction(ExplainedPrediction):
    """The prediction for one customer, with an explanation and a note."""

    note: Note
    """What to tell the person who calls the customer."""
