"""The app's state, and the FastAPI dependencies that give its parts to endpoints."""

from collections.abc import Callable
from typing import Annotated, NotRequired, TypedDict, cast

from fastapi import Depends
from starlette.requests import Request
from starlette.types import ASGIApp

from models.log import reporters
from service.access.key_store import KeyStore
from service.errors import Draining, ModelUnavailable, ServiceError
from service.http.fast_path import FastPath
from service.http.lifecycle import Lifecycle
from service.http.request_bodies import RequestBodies
from service.log.outcome_log import OutcomeLog
from service.model.model_router import ModelRouter
from service.notes import Notes
from service.serving.inference import Inference


class State(TypedDict):
    """Created at startup; every request gets a copy of the mapping with the same values."""

    inference: Inference
    intake: RequestBodies
    lifecycle: Lifecycle
    outcomes: OutcomeLog
    keys: KeyStore | None
    """The keys in force; None if all clients are anonymous."""
    admission: NotRequired[ServiceError | None]
    """What the guard has decided already: None for an admitted request; missing if it has yet to decide."""
    client: NotRequired[str]
    """Name of the client's key, or `anonymous`; missing for paths that need no key."""
    is_operator: NotRequired[bool]
    """Whether a client of a probe may see why the service is not well."""
    take_rows: NotRequired[Callable[[int], None]]
    """Takes a number of customers from the client's limit; missing if there is none."""
    fast_path: NotRequired[FastPath | None]
    """Answers predictions without a task; None if requests are traced."""
    notes: Notes
    """Writes notes about predictions."""
    waited_seconds: NotRequired[float]
    """Time that the request waited for another service; the metrics leave it out. Belongs to one request."""
    refuse: NotRequired[ASGIApp]
    """Answers requests that the server refuses, so that they are logged and counted as all others."""
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


async def _client(request: Request) -> str:
    return of(request).get("client", reporters.ANONYMOUS)


async def _notes(request: Request) -> Notes:
    return of(request)["notes"]


async def _ready(request: Request) -> None:
    now = of(request)
    if now["lifecycle"].draining:
        raise Draining
    model = now["inference"].model
    if model.router is None and not now.get("is_operator"):
        raise ModelUnavailable(reason="No model is served. Operators find the reason in /health.")
    model.require()


async def _take_rows(request: Request) -> Callable[[int], None]:
    return of(request).get("take_rows") or (lambda _rows: None)


Inferring = Annotated[Inference, Depends(_inference)]
"""The `Inference`; without a model, the request is answered with 503 and the reason."""
Serving = Annotated[ModelRouter, Depends(_lineup)]
"""The served models; without one, the request is answered with 503 and the reason."""
Recording = Annotated[OutcomeLog, Depends(_outcomes)]
"""The `OutcomeLog`, which records outcomes."""
Client = Annotated[str, Depends(_client)]
"""Name of the client's API key, or `anonymous` where the service runs without keys."""
Noting = Annotated[Notes, Depends(_notes)]
"""The `Notes`, which writes notes about predictions."""
Ready = Annotated[None, Depends(_ready)]
"""Answers 503 without a model, and while the service is shutting down."""
TakeRows = Annotated[Callable[[int], None], Depends(_take_rows)]
"""Takes customers from the client's limit; if nothing is left, the request is answered with 429."""
