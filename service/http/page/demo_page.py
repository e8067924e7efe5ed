"""The demo page at /, its files, and POST /predict/trial: predictions that are neither logged nor counted by tier."""

import operator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from models.features import CONTRACT
from service.customers import Batch
from service.http import api_docs, response_json, routes
from service.http.admission.guard import TRIAL
from service.http.json_route import JSON, JsonRoute
from service.http.request_bodies import BodyLimit, ThreadQueue
from service.http.routes import BATCH_VALUES, Explain
from service.http.schemas import ExplainedPredictions, Predictions
from service.http.state import Inferring, TakeRows

ASSETS = Path(__file__).parent / "assets"
CSP = (
    "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; "
    "require-trusted-types-for 'script'"
)
"""The page has files of its own only, and builds no HTML from text."""
FRESH = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""After an upgrade, no browser mixes old files with new ones."""

router = APIRouter(
    route_class=JsonRoute, responses=api_docs.problems(500), generate_unique_id_function=operator.attrgetter("name")
)


@router.post(
    TRIAL,
    summary="Try customers out",
    tags=["predictions"],
    response_model=Predictions | ExplainedPredictions,
    responses=api_docs.problems(413, 415, 422, 503),
)
def predict_trial(
    batch: Annotated[Batch, BodyLimit(values=BATCH_VALUES)],
    inference: Inferring,
    take_rows: TakeRows,
    *,
    explain: Annotated[Explain, ThreadQueue("trials", from_bytes=0)] = False,
) -> bytes:
    """Predict customers as POST /predict/batch does, but log nothing: for somebody who tries values out.

    The predictions are in no log, so nobody can report their outcomes, and monitoring does not see them. A canary and a
    shadow take no part.
    """
    routes.limit_explained(batch, explain=explain)
    take_rows(len(batch.customers))
    champion = inference.model.require().champion
    champion.require_known(batch.customers, is_batch=True)
    return response_json.many([champion.predict(batch.customers, explain=explain)])


TRIAL_ROUTE = router.routes[-1]
BY_PATH = {route.path: route for route in router.routes if isinstance(route, APIRoute)}


def add_to(app: FastAPI, *, is_shown: bool) -> None:
    """Serve the page at /, or else lead from / to the page that shows the API."""
    if not is_shown:
        app.add_api_route("/", _lead_to_docs, include_in_schema=False)
        return
    app.include_router(router)
    app.add_api_route("/", _page, include_in_schema=False)
    app.add_api_route("/page/contract.json", _contract, include_in_schema=False)
    app.mount("/page", _Files(directory=ASSETS))


class _Files(StaticFiles):
    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers.update(FRESH)
        return response


async def _page() -> HTMLResponse:
    return HTMLResponse((ASSETS / "index.html").read_bytes(), headers=api_docs.page_headers(CSP) | FRESH)


async def _contract() -> Response:
    return Response(to_json({"features": CONTRACT.features}), media_type=JSON, headers=FRESH)


async def _lead_to_docs() -> RedirectResponse:
    return RedirectResponse("docs")
