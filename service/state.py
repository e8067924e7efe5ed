"""What lives as long as the app, and how an endpoint asks for a part of it.

Knows nothing of who builds it; that is `service.app`.
"""

from typing import Annotated, NotRequired, TypedDict, cast

from fastapi import Depends
from starlette.requests import Request

from service.errors import ModelUnavailable
from service.metrics import Metrics
from service.predictor import Predictor
from service.settings import Settings


class State(TypedDict):
    """Made when the app starts; every request gets a copy of the mapping, and the same values."""

    settings: Settings
    metrics: Metrics
    predictor: Predictor | str
    """The model that serves, or the sentence that says why none does."""
    started_at_seconds: float
    """On the monotonic clock."""
    refusal: NotRequired[dict[str, list[str]]]
    """What the log is to say of a body that was refused; belongs to one request."""


def of(request: Request) -> State:
    """Return the state of the app that got the request."""
    return cast(State, request.scope["state"])


# These are async because FastAPI sends plain functions to its thread pool.
async def _predictor(request: Request) -> Predictor:
    found = of(request)["predictor"]
    if isinstance(found, str):
        raise ModelUnavailable(reason=found)
    return found


async def _metrics(request: Request) -> Metrics:
    return of(request)["metrics"]


Serving = Annotated[Predictor, Depends(_predictor)]
"""The model that serves; without one, the request is answered with the reason."""
Counting = Annotated[Metrics, Depends(_metrics)]
