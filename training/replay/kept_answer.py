"""Reads an answer of the service, as a client kept it: of one customer, or of a batch."""

from pathlib import Path

from pydantic import BaseModel

from models.bundles.format import plain_files, strict_json
from models.bundles.format.plain_files import MEGABYTE
from models.errors import first_problem
from training.replay.errors import AnswerUnreadable


class Explanation(BaseModel):
    """The part of an explanation that is compared."""

    reasons: list[str]
    contributions: dict[str, float]


class Answer(BaseModel):
    """The parts of an answer that are compared."""

    prediction_id: str
    churn_probability: float
    churn_prediction: bool
    risk_tier: str
    model_version: str
    explanation: Explanation | None = None


class _Batch(BaseModel):
    predictions: list[Answer]


def read(path: Path, prediction_id: str) -> Answer:
    """Read the answer for a prediction.

    Raises:
        AnswerUnreadable: the file is no answer, or not for this prediction.
    """
    try:
        raw = strict_json.read(plain_files.read(path, largest_bytes=64 * MEGABYTE))
        is_batch = isinstance(raw, dict) and "predictions" in raw
        answers = _Batch.model_validate(raw).predictions if is_batch else [Answer.model_validate(raw)]
    except OSError as error:
        raise AnswerUnreadable(path=path, problem=error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise AnswerUnreadable(path=path, problem=first_problem(error)) from error
    for answer in answers:
        if answer.prediction_id == prediction_id:
            return answer
    raise AnswerUnreadable(path=path, problem=f"it has no prediction {prediction_id}")
