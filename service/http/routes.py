"""The endpoints: each takes checked input, asks one of the parts, and returns a body."""

import json
import operator
import time
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from models.features import CONTRACT
from models.log.outcomes import Outcome
from service import metrics
from service.customers import MAX_BATCH_ROWS, MAX_EXPLAINED_ROWS, Batch, Customer
from service.errors import BrokenRule, RequestInvalid
from service.http import api_docs, response_json, state
from service.http.json_route import JsonRoute
from service.http.request_bodies import Largest, Queued
from service.http.schemas import (
    ExplainedPrediction,
    ExplainedPredictions,
    Health,
    ModelCard,
    OutcomeBatch,
    Prediction,
    Predictions,
    Probe,
    RecordedOutcome,
    RecordedOutcomes,
    RiskTiers,
    Tried,
)
from service.http.state import Accepting, Inferring, Recording, Serving

PREDICT, PREDICT_BATCH = "/predict", "/predict/batch"
STARTED = time.monotonic()
ONE_CUSTOMER_BYTES = 16_384
"""Largest body of one customer, who takes 200."""
BATCH_BYTES = max(4_194_304, MAX_BATCH_ROWS * len(json.dumps({"customers": [CONTRACT.example]}, indent=4)))
"""Largest body of a batch, unless a setting says otherwise: the longest one fits, whatever the features are."""
BATCH_VALUES = 2 * MAX_BATCH_ROWS * len(CONTRACT.names)
"""Most values of a batch: twice those of the longest, so that columns too many are still named."""
IN_THREAD = Queued("outcomes", from_bytes=0)
"""Who records an outcome waits for the database."""
CARD_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The page loads nothing and runs nothing, whatever names stand in it."""
Explain = Annotated[bool, Query(description="Add to each prediction how it comes about.")]

router = APIRouter(
    route_class=JsonRoute, responses=api_docs.problems(500), generate_unique_id_function=operator.attrgetter("name")
)


@router.post(
    PREDICT,
    summary="Predict one customer",
    tags=["predictions"],
    response_model=Prediction | ExplainedPrediction,
    responses=api_docs.problems(413, 415, 422, 503),
)
def predict(
    customer: Annotated[Customer, Body(examples=[CONTRACT.example]), Largest(size_bytes=ONE_CUSTOMER_BYTES)],
    inference: Inferring,
    *,
    explain: Annotated[Explain, Queued("explanations", from_bytes=0)] = False,
) -> bytes:
    """Predict whether one customer leaves, and tell why if asked to."""
    return response_json.one(inference.predict([customer], explain=explain))


PREDICT_ROUTE = router.routes[-1]


@router.post(
    PREDICT_BATCH,
    summary="Predict many customers",
    tags=["predictions"],
    response_model=Predictions | ExplainedPredictions,
    responses=api_docs.problems(413, 415, 422, 503),
)
def predict_batch(
    batch: Annotated[Batch, Largest(values=BATCH_VALUES)],
    inference: Inferring,
    *,
    explain: Annotated[Explain, Queued(from_bytes=0)] = False,
) -> bytes:
    """Predict up to 10,000 customers, or explain up to 2,000.

    One that breaks a rule refuses the batch; up to 100 broken rules are named.
    """
    if explain and (rows := len(batch.customers)) > MAX_EXPLAINED_ROWS:
        message = f"List should have at most {MAX_EXPLAINED_ROWS} items to be explained, not {rows}"
        raise RequestInvalid(rules=[BrokenRule(("customers",), message, "too_long")], found=1)
    return response_json.many(inference.predict(batch.customers, explain=explain))


PREDICT_BATCH_ROUTE = router.routes[-1]


@router.post(
    "/outcomes",
    summary="Report one outcome",
    tags=["outcomes"],
    response_model=RecordedOutcome,
    responses=api_docs.problems(404, 409, 413, 415, 422, 503),
)
def report_outcome(
    outcome: Annotated[Outcome, Largest(size_bytes=ONE_CUSTOMER_BYTES), IN_THREAD], outcomes: Recording
) -> bytes:
    """Report what the customer of a prediction did. To report it again changes nothing, and is answered alike."""
    [recorded] = outcomes.record([outcome])
    return RecordedOutcome.model_validate(recorded, from_attributes=True).model_dump_json().encode()


@router.post(
    "/outcomes/batch",
    summary="Report many outcomes",
    tags=["outcomes"],
    response_model=RecordedOutcomes,
    responses=api_docs.problems(404, 409, 413, 415, 422, 503),
)
def report_outcomes(
    batch: Annotated[OutcomeBatch, Largest(values=BATCH_VALUES), IN_THREAD], outcomes: Recording
) -> bytes:
    """Report up to 10,000 outcomes. One that cannot be recorded refuses them all; up to 100 of these are named."""
    new = sum(recorded.is_new for recorded in outcomes.record(batch.outcomes))
    return RecordedOutcomes(new=new, known=len(batch.outcomes) - new).model_dump_json().encode()


@router.get("/risk-tiers", summary="Tiers and decision", tags=["model"], responses=api_docs.problems(503))
async def risk_tiers(serving: Serving) -> RiskTiers:
    """Tell how a probability becomes a tier and a decision."""
    return RiskTiers.of(serving.champion.manifest.policy)


@router.get("/model", summary="The model that serves", tags=["model"], responses=api_docs.problems(503))
async def model(serving: Serving) -> ModelCard:
    """Describe the model that serves, and name the one that is tried beside it."""
    return ModelCard.of(serving.champion.manifest, serving.tried)


@router.get(
    "/model/card",
    summary="Its card, as a page",
    tags=["model"],
    response_class=HTMLResponse,
    responses=api_docs.problems(503),
)
async def model_card(serving: Serving) -> HTMLResponse:
    """Show what to know before relying on the model: its quality, costs, limits, and for whom it fails."""
    return HTMLResponse(serving.champion.card, headers={"Content-Security-Policy": CARD_POLICY})


@router.get("/health", summary="State of the service", tags=["operations"])
async def health(request: Request) -> Health:
    """Tell how the service is; always 200."""
    inference = state.of(request)["inference"]
    model, log = inference.model, inference.log
    problems = [problem for problem in (model.problem, model.challenger_problem, log.problem) if problem]
    return Health(
        status="degraded" if problems else "healthy",
        model_loaded=model.lineup is not None,
        uptime_seconds=time.monotonic() - STARTED,
        reason=" ".join(problems) or None,
        challenger=Tried.of(model.lineup.tried if model.lineup else None),
    )


@router.get("/health/live", summary="Liveness", tags=["operations"])
async def live() -> Probe:
    """Answer 200 as long as the process runs; restart it when this fails."""
    return Probe(status="alive")


@router.get("/health/ready", summary="Readiness", tags=["operations"], responses=api_docs.problems(503))
async def ready(_serving: Serving, _accepting: Accepting) -> Probe:
    """Answer 200 when predictions are answered, else 503 with the reason; send no traffic while this fails."""
    return Probe(status="ready")


@router.get("/metrics", summary="Measurements", tags=["operations"], response_class=PlainTextResponse)
async def expose_metrics(request: Request) -> PlainTextResponse:
    """Expose all that is counted, in Prometheus' text format."""
    return PlainTextResponse(state.of(request)["inference"].metrics.expose(), media_type=metrics.CONTENT_TYPE)


@router.get("/", include_in_schema=False)
async def index() -> RedirectResponse:
    """Lead people to the page that shows the API."""
    return RedirectResponse("docs")
