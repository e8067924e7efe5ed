"""The service as an ASGI app, made of its parts. Read this first.

A request passes the observer (its name, time and log line) and routing; `service.json_route` checks its body, an
endpoint of `service.routes` asks the predictor, and whatever is raised on the way becomes a problem document. A model
that cannot be trusted does not stop the service: it stays up, says why, and predicts nothing.
"""

import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from models.errors import BundleError
from service import docs, errors, predictor, problem, routes, state
from service.errors import BodyInvalid
from service.metrics import Metrics
from service.observer import Observer
from service.predictor import Predictor
from service.settings import Settings
from service.state import State

logger = logging.getLogger(__name__)
LOGGED_CHARACTERS = 80
"""Of a path that may end in a name of the client's choice."""


def create_app(settings: Settings | None = None, *, serving: Predictor | None = None) -> FastAPI:
    """Build the app.

    Without `settings` they come from the environment; without `serving` the pinned model is loaded when the app starts.
    """
    settings, metrics = settings or Settings(), Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        started = time.monotonic()
        found = serving or _load(settings)
        if isinstance(found, Predictor):
            metrics.describe_model(found.manifest)
        yield State(settings=settings, metrics=metrics, predictor=found, started_at_seconds=started)

    app = FastAPI(
        title=docs.TITLE,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers=dict.fromkeys([HTTPException, *errors.EXPECTED], _answer),
    )
    app.add_middleware(Observer, metrics=metrics)
    app.include_router(routes.router)
    docs.add_to(app)
    return app


def _load(settings: Settings) -> Predictor | str:
    try:
        found = predictor.load(settings.models_dir)
    except BundleError as error:
        logger.error("no model is served: %s", error)  # noqa: TRY400  # the sentence says it all
        # Clients learn which file it is, but not where this machine keeps it.
        return str(error).replace(f"{settings.models_dir}{os.sep}", "")
    logger.info("serving model %s", found.scorer.version)
    return found


async def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, BodyInvalid):
        now = state.of(request)
        now["metrics"].count_refusals(rule.location for rule in error.rules)
        now["refusal"] = {"problems": [f"{rule.path[:LOGGED_CHARACTERS]}: {rule.code}" for rule in error.rules]}
    return problem.answer(error)
