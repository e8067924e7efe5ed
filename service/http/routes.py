"""The endpoints: each takes validated input, calls one part of the service, and returns a body."""

import json
import operator
import time
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.routing import APIRoute

from models.customer.kinds.learned_levels import LONGEST
from models.features import CONTRACT
from service.customers import MAX_BATCH_ROWS, MAX_EXPLAINED_ROWS, Batch, Customer
from service.errors import BrokenRule, RequestInvalid
from service.http import api_docs, response_json, state
from service.http.admission.guard import METRICS, PREDICT
from service.http.json_route import Finish, JsonRoute
from service.http.note_schemas import NotedPrediction
from service.http.request_bodies import BodyLimit, ThreadQueue
from service.http.schemas import (
    ExplainedPrediction,
    ExplainedPredictions,
    Health,
    ModelCard,
    Prediction,
    Predictions,
    Probe,
    RiskTiers,
    Status,
    Tried,
)
from service.http.state import Inferring, Noting, Ready, Serving, TakeRows
from service.metrics.registry import CONTENT_TYPE

PREDICT_BATCH = "/predict/batch"
STARTED = time.monotonic()
_LONGEST_TEXTS = {feature.name: LONGEST * "x" for feature in CONTRACT.open_categories}
_INDENTED_BYTES = len(json.dumps({"customers": [CONTRACT.example | _LONGEST_TEXTS]}, indent=4))
ONE_CUSTOMER_BYTES = max(16_384, 2 * _INDENTED_BYTES)
"""Largest body of one customer: twice the size of the example, or 16 KB."""
BATCH_BYTES = max(4_194_304, MAX_BATCH_ROWS * _INDENTED_BYTES)
"""Default limit of a batch's body: the longest batch fits, whatever the features are."""
BATCH_VALUES = 2 * MAX_BATCH_ROWS * len(CONTRACT.names)
"""Most values in a batch: twice as many as the longest batch has, so that errors can still name surplus fields."""
CARD_CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
"""The page loads nothing and runs nothing, whatever names it contains."""
EXPLAINED = ThreadQueue("explanations", from_bytes=0)
Explain = Annotated[bool, Query(description="Add an explanation to each prediction.")]
AddNote = Annotated[bool, Query(description="Add a note for the person who calls the customer, and an explanation.")]

router = APIRouter(
    route_class=JsonRoute, responses=api_docs.problems(500), generate_unique_id_function=operator.attrgetter("name")
)


@router.post(
    PREDICT,
    summary="Predict one customer",
    tags=["predictions"],
    response_model=Prediction | ExplainedPrediction | NotedPrediction,
    responses=api_docs.problems(413, 415, 422, 503),
)
def predict(
    customer: Annotated[Customer, Body(examples=[CONTRACT.example]), BodyLimit(size_bytes=ONE_CUSTOMER_BYTES)],
    inference: Inferring,
    notes: Noting,
    *,
    explain: Annotated[Explain, EXPLAINED] = False,
    note: Annotated[AddNote, EXPLAINED] = False,
) -> bytes | Finish:
    """Predict whether one customer churns, with an explanation and a note if requested."""
    predicted = inference.predict([customer], explain=explain or note)
    written = response_json.one(predicted)
    return partial(notes.append, written, predicted[0]) if note else written


PREDICT_ROUTE = router.routes[-1]


@router.post(
    PREDICT_BATCH,
    summary="Predict many customers",
    tags=["predictions"],
    response_model=Predictions | ExplainedPredictions,
    responses=api_docs.problems(413, 415, 422, 503),
)
def predict_batch(
    batch: Annotated[Batch, BodyLimit(values=BATCH_VALUES)],
    inference: Inferring,
    take_rows: TakeRows,
    *,
    explain: Annotated[Explain, ThreadQueue(from_bytes=0)] = False,
) -> bytes:
    """Predict up to 10,000 customers, or up to 2,000 with explanations.

    If one customer breaks a rule, the whole batch is rejected; up to 100 broken rules are listed.
    """
    limit_explained(batch, explain=explain)
    take_rows(len(batch.customers))
    return response_json.many(inference.predict(batch.customers, explain=explain, is_batch=True))


PREDICT_BATCH_ROUTE = router.routes[-1]


def limit_explained(batch: Batch, *, explain: bool) -> None:
    """Check the number of customers in a batch with explanations.

    Raises:
        RequestInvalid: there are too many.
    """
    if explain and (rows := len(batch.customers)) > MAX_EXPLAINED_ROWS:
        message = f"List should have at most {MAX_EXPLAINED_ROWS} items with explanations, not {rows}"
        raise RequestInvalid(rules=[BrokenRule(("customers",), message, "too_long")], found=1)


@router.get("/risk-tiers", summary="Risk tiers and decisions", tags=["model"], responses=api_docs.problems(503))
async def risk_tiers(serving: Serving) -> RiskTiers:
    """Return how a probability becomes a tier and a decision."""
    return RiskTiers.of(serving.champion.manifest.policy)


@router.get("/model", summary="The served model", tags=["model"], responses=api_docs.problems(503))
async def model(serving: Serving) -> ModelCard:
    """Describe the served model, and name the challenger, if there is one."""
    return ModelCard.of(serving.champion, serving.tried)


@router.get(
    "/model/card",
    summary="The model card as a page",
    tags=["model"],
    response_class=HTMLResponse,
    responses=api_docs.problems(503),
)
async def model_card(serving: Serving) -> HTMLResponse:
    """Return the model card: quality, costs, limits, and the groups of customers for whom the model is weak."""
    return HTMLResponse(serving.champion.card, headers=api_docs.page_headers(CARD_CSP))


@router.get("/health", summary="State of the service", tags=["operations"])
async def health(request: Request) -> Health | Probe:
    """Report the state of the service, with the reasons for operators; the status is always 200."""
    now = state.of(request)
    model, log, keys = now["inference"].model, now["inference"].log, now["keys"]
    found = (model.problem, model.challenger_problem, log.problem, keys and keys.problem)
    problems = [problem for problem in found if problem]
    status: Status = "degraded" if problems else "healthy"
    if not now.get("is_operator"):
        return Probe(status=status)
    return Health(
        status=status,
        model_loaded=model.router is not None,
        uptime_seconds=time.monotonic() - STARTED,
        reason=" ".join(problems) or None,
        challenger=Tried.of(model.router.tried if model.router else None),
        contract_changes=model.router.champion.contract_changes if model.router else [],
    )


@router.get("/health/live", summary="Liveness", tags=["operations"])
async def live() -> Probe:
    """Return 200 as long as the process runs; restart the process if this fails."""
    return Probe(status="alive")


@router.get("/health/ready", summary="Readiness", tags=["operations"], responses=api_docs.problems(503))
async def ready(_ready: Ready) -> Probe:
    """Return 200 if the service can predict, else 503; send no traffic while this fails."""
    return Probe(status="ready")


@router.get(METRICS, summary="Metrics", tags=["operations"], response_class=PlainTextResponse)
async def expose_metrics(request: Request) -> PlainTextResponse:
    """Return all metrics in Prometheus' text format."""
    return PlainTextResponse(state.of(request)["inference"].metrics.expose(), media_type=CONTENT_TYPE)


BY_PATH = {route.path: route for route in router.routes if isinstance(route, APIRoute)}
