"""The app factory `create_app`. Start reading here.

The connection (`server.connection`) asks the fast path first (`http.fast_path`), which answers valid single-customer
predictions at once. All other requests pass these middlewares: the observer (request id, timing, log line), the rules
of admission (`http.admission`: port, web page, host, key, rate) and load shedding (503 if the queue is too long). Then
they go to FastAPI's routes: `http.json_route` validates the body, an endpoint in `http.routes` calls one part of the
service, and each exception becomes a problem document. A bundle that fails verification does not stop the service: it
keeps the previous model, or answers 503 with the reason.
"""

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from typing import NamedTuple

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from service import errors
from service.access.key_store import KeyStore
from service.errors import Overloaded, RequestInvalid
from service.http import api_docs, problem_details, routes, state, tracing
from service.http.admission import guard
from service.http.admission.cross_origin import CrossOrigin
from service.http.admission.guard import Guard
from service.http.admission.operators_port import OperatorsPort
from service.http.fast_path import FastPath
from service.http.lifecycle import Lifecycle
from service.http.load_shedding import LoadShedding
from service.http.observer import Observer
from service.http.page import demo_page
from service.http.reports import report_routes
from service.http.request_bodies import RequestBodies
from service.http.request_log import RequestLog
from service.http.state import State
from service.log import spool_writer
from service.log.logged_inputs import InputKeeper
from service.log.outcome_log import OutcomeLog
from service.log.prediction_log import NoLog, PredictionLog, SpooledLog
from service.log.spool import Spool
from service.metrics.metrics import Metrics
from service.model.holdout import Holdout
from service.model.predictor import Predictor
from service.notes import Notes
from service.serving.inference import Inference
from service.serving.pin_watch import PinWatch
from service.serving.served_model import ServedModel
from service.settings import Settings, names

PREDICTING = {guard.PREDICT: routes.PREDICT_ROUTE, routes.PREDICT_BATCH: routes.PREDICT_BATCH_ROUTE}
TRYING = {guard.TRIAL: demo_page.TRIAL_ROUTE}
SWITCH_SECONDS = 0.0005
"""Switch interval between threads that both have work. The default is ten times as long, and a prediction beside a
batch would wait for it."""
LOGGED_CHARACTERS = 80
"""Longest field path in a log line; a path may end in a name that the client has chosen."""


def create_app(settings: Settings | None = None, *, serving: Predictor | None = None) -> FastAPI:
    """Build the app.

    Without `settings`, they are read from the environment. Without `serving`, the pinned model is loaded at startup and
    whenever the pin changes.
    """
    settings, metrics = settings or Settings(), Metrics()
    metrics.expect(PREDICTING)
    lifecycle = Lifecycle(settings.drain_seconds)
    model = ServedModel(settings.models_dir, metrics)
    keys = KeyStore(settings.keys_file) if settings.keys_file else None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        with (
            _running(keys),
            _prediction_log(settings, metrics) as log,
            closing(OutcomeLog(settings.log_url, log, metrics)) as outcomes,
        ):
            parts = State(
                inference=Inference(model, metrics, log, holdout=_holdout(settings)),
                intake=RequestBodies(settings.max_body_bytes or routes.BATCH_BYTES),
                keys=keys,
                lifecycle=lifecycle,
                notes=Notes(settings, metrics),
                outcomes=outcomes,
                refuse=front.observer.around(problem_details.answer_fault),
                fast_path=None if tracing.is_on() else front.fast_path,
            )
            if serving is not None:
                model.serve(serving)
                yield parts
                return
            watch = PinWatch(settings.models_dir, model)
            gc.freeze()  # scanning the objects that were made so far would delay requests by 20 ms
            sys.setswitchinterval(SWITCH_SECONDS)
            with lifecycle.on_signals(hang_up=watch.call), _running(watch):
                yield parts

    app = _make_app(lifespan)
    _add_endpoints(app, settings)
    front = _make_front(app.build_middleware_stack(), settings, metrics, lifecycle, keys)
    app.middleware_stack = front.observer
    return app


def _make_app(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[State]]) -> FastAPI:
    return FastAPI(
        title=api_docs.TITLE,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=tracing.config(),
        exception_handlers=dict.fromkeys([HTTPException, *errors.EXPECTED, Exception], _answer),
    )


def _add_endpoints(app: FastAPI, settings: Settings) -> None:
    app.include_router(routes.router)
    app.include_router(report_routes.router)
    demo_page.add_to(app, is_shown=settings.page)
    api_docs.add_to(app, keyed=settings.keys_file is not None, has_ops_port=settings.ops_port is not None)


class _Front(NamedTuple):
    """Our middleware before FastAPI's own, which takes a tenth of the time of a fast-path prediction."""

    observer: Observer
    fast_path: FastPath


def _make_front(
    app: ASGIApp, settings: Settings, metrics: Metrics, lifecycle: Lifecycle, keys: KeyStore | None
) -> _Front:
    app = shedding = LoadShedding(
        app, routes=PREDICTING | TRYING, max_turn_seconds=settings.max_turn_seconds, metrics=metrics
    )
    public: ASGIApp = (
        guarded := Guard(
            app, settings=settings, keys=keys, routes=routes.BY_PATH | report_routes.BY_PATH | demo_page.BY_PATH
        )
    )
    if settings.cors_origins:
        public = CrossOrigin(public, origins=names(settings.cors_origins))
    if settings.ops_port is not None:
        public = OperatorsPort(app, public=public, settings=settings)
    log = RequestLog(settings.log_lines_per_second)
    observer = Observer(public, metrics=metrics, log=log, lifecycle=lifecycle)
    largest = min(routes.ONE_CUSTOMER_BYTES, settings.max_body_bytes or routes.BATCH_BYTES)
    fast_path = FastPath(
        guard=guarded, shedding=shedding, observer=observer, route=routes.PREDICT_ROUTE, max_body_bytes=largest
    )
    return _Front(observer, fast_path)


@contextmanager
def _prediction_log(settings: Settings, metrics: Metrics) -> Iterator[PredictionLog]:
    if not settings.log_url:
        yield NoLog()
        return
    keep = InputKeeper(settings.log_inputs, settings.output_dir, customers=settings.log_customers)
    log = SpooledLog(Spool(settings.spool), keep=keep, max_bytes=settings.max_spool_bytes, metrics=metrics)
    with spool_writer.running(log):
        yield log


def _holdout(settings: Settings) -> Holdout | None:
    return (
        Holdout(fraction=settings.holdout_fraction, name=settings.holdout_name) if settings.holdout_fraction else None
    )


@contextmanager
def _running(watch: PinWatch | KeyStore | None) -> Iterator[None]:
    task = asyncio.create_task(watch.follow()) if watch else None
    yield
    if task:
        task.cancel()


async def _answer(request: Request, error: Exception) -> Response:
    now = state.of(request)
    if isinstance(error, RequestInvalid):
        fields = Counter(rule.field for rule in error.rules)
        now["inference"].metrics.count_refusals(fields)
        if request.scope["path"] in PREDICTING:
            now["inference"].log.refuse(fields)
        now["refusal"] = {"problems": [f"{rule.path[:LOGGED_CHARACTERS]}: {rule.code}" for rule in error.rules]}
    if isinstance(error, Overloaded):
        now["shed"] = True
        now["inference"].metrics.count_shed(error.reason)
    return problem_details.answer(error)
