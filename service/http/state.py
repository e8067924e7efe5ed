"""What lives as long as the app, and how an endpoint asks for a part of it."""

from typing import Annotated, NotRequired, TypedDict, cast

from fastapi import Depends
from starlette.requests import Request

from service.errors import Draining
from service.http.lifecycle import Lifecycle
from service.http.request_bodies import RequestBodies
from service.log.outcome_log import OutcomeLog
from service.model.model_router import ModelRouter
from service.serving.inference import Inference


class State(TypedDict):
    """Made when the app starts; every request gets a copy of the mapping, and the same values."""

    inference: Inference
    intake: RequestBodies
    lifecycle: Lifecycle
    outcomes: OutcomeLog
    refusal: NotRequired[dict[str, list[str]]]
    """What the log is to say of a body that was refused; belongs to one request."""
    shed: NotRequired[bool]
    """Whether it was refused for want of time or room; belongs to one request."""


def of(request: Request) -> State:
    """Return the state of the app that got the request."""
    return cast(State, request.scope["state"])


# These are async because FastAPI sends plain functions to its thread pool.
async def _inference(request: Request) -> Inference:
    found = of(request)["inference"]
    found.model.require()
    return found


async def _lineup(request: Request) -> ModelRouter:
    return of(request)["inference"].model.require()


async def _outcomes(request: Request) -> OutcomeLog:
    return of(request)["outcomes"]


async def _accepting(request: Request) -> None:
    if of(request)["lifecycle"].draining:
        raise Draining


Inferring = Annotated[Inference, Depends(_inference)]
"""What predicts; without a model, the request is answered with the reason."""
Serving = Annotated[ModelRouter, Depends(_lineup)]
"""The models that serve; without one, the request is answered with the reason."""
Recording = Annotated[OutcomeLog, Depends(_outcomes)]
"""What records outcomes."""
Accepting = Annotated[None, Depends(_accepting)]
"""Refuses when the service is about to end."""
