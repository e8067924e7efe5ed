"""The app's state, and the FastAPI dependencies that give its parts to endpoints."""

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
    """Created at startup; every request gets a copy of the mapping with the same values."""

    inference: Inference
    intake: RequestBodies
    lifecycle: Lifecycle
    outcomes: OutcomeLog
    refusal: NotRequired[dict[str, list[str]]]
    """Problems of a rejected body, for the request log; belongs to one request."""
    shed: NotRequired[bool]
    """Whether the request was shed; belongs to one request."""


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
"""The `Inference`; without a model, the request is answered with 503 and the reason."""
Serving = Annotated[ModelRouter, Depends(_lineup)]
"""The served models; without one, the request is answered with 503 and the reason."""
Recording = Annotated[OutcomeLog, Depends(_outcomes)]
"""The `OutcomeLog`, which records outcomes."""
Accepting = Annotated[None, Depends(_accepting)]
"""Answers 503 while the service is shutting down."""
