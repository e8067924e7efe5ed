"""The endpoints: each takes checked input, asks one of the parts, and returns a body.

Knows nothing of JSON, statuses of errors, or measuring; those are wrapped around it.
"""

import operator
import time
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Request
from fastapi.responses import PlainTextResponse, RedirectResponse

from models.errors import BundleError
from models.features import CONTRACT, CustomerFeatures
from service import docs, metrics, state
from service.json_route import JsonRoute
from service.schemas import Batch, Health, ModelCard, Prediction, Predictions, Probe, RiskTiers
from service.state import Counting, Serving

router = APIRouter(
    route_class=JsonRoute, responses=docs.problems(500), generate_unique_id_function=operator.attrgetter("name")
)


@router.post("/predict", tags=["predictions"], responses=docs.problems(413, 415, 422, 503))
async def predict(
    customer: Annotated[CustomerFeatures, Body(examples=[CONTRACT.example])], predictor: Serving, counted: Counting
) -> Prediction:
    """Predict whether one customer leaves."""
    predictions = predictor.predict([customer])
    counted.count_predictions(predictions)
    return predictions[0]


@router.post("/predict/batch", tags=["predictions"], responses=docs.problems(413, 415, 422, 503))
async def predict_batch(batch: Batch, predictor: Serving, counted: Counting) -> Predictions:
    """Predict up to 10,000 customers. One customer that breaks a rule refuses the batch; all broken rules are named."""
    # In a thread, so that a large batch does not hold up anybody else.
    predictions = await run_sync(predictor.predict, batch.customers)
    counted.count_predictions(predictions)
    return Predictions(predictions=predictions)


@router.get("/risk-tiers", tags=["model"], responses=docs.problems(503))
async def risk_tiers(predictor: Serving) -> RiskTiers:
    """Tell how a probability becomes a tier and a decision."""
    return RiskTiers.of(predictor.manifest.policy)


@router.get("/model", tags=["model"], responses=docs.problems(503))
async def model(predictor: Serving) -> ModelCard:
    """Describe the model that serves."""
    return ModelCard.of(predictor.manifest)


@router.get("/health", tags=["operations"])
async def health(request: Request) -> Health:
    """Tell how the service is; always 200."""
    now = state.of(request)
    uptime_seconds = time.monotonic() - now["started_at_seconds"]
    if isinstance(now["predictor"], BundleError):
        reason = str(now["predictor"])
        return Health(status="degraded", model_loaded=False, uptime_seconds=uptime_seconds, reason=reason)
    return Health(status="healthy", model_loaded=True, uptime_seconds=uptime_seconds)


@router.get("/health/live", tags=["operations"])
async def live() -> Probe:
    """Answer 200 as long as the process runs; restart it when this fails."""
    return Probe(status="alive")


@router.get("/health/ready", tags=["operations"], responses=docs.problems(503))
async def ready(_predictor: Serving) -> Probe:
    """Answer 200 when predictions are answered, else 503 with the reason; send no traffic while this fails."""
    return Probe(status="ready")


@router.get("/metrics", tags=["operations"], response_class=PlainTextResponse)
async def expose_metrics(counted: Counting) -> PlainTextResponse:
    """Expose all that is counted, in Prometheus' text format."""
    return PlainTextResponse(counted.expose(), media_type=metrics.CONTENT_TYPE)


@router.get("/", include_in_schema=False)
async def index() -> RedirectResponse:
    """Lead people to the page that shows the API."""
    return RedirectResponse("docs")
