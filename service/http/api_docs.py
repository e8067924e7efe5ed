"""The OpenAPI document, and the page /docs that shows it.

The page's scripts come from the package `fastapi-offline`, so the page also works without access to a CDN.
"""

from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from models.errors import PinUnreadable
from models.features import CONTRACT
from models.log.errors import OutcomesContradicted, OutcomesUnknown
from models.log.outcomes import Outcome
from service import __version__, request_id
from service.errors import BodyTooLarge, BrokenRule, MediaTypeUnsupported, ModelUnavailable, RequestInvalid
from service.http import problem_details

TITLE = "Churn service"
DESCRIPTION = f"""\
Predicts which customers will churn, and with which probability.

Every error is a problem document, `{problem_details.MEDIA_TYPE}` (RFC 9457), that names each invalid field.
Every response has the header `{request_id.HEADER}`: your own (up to 128 letters, digits and `._:/+=@-`), or a new one.
Numbers must be JSON numbers: strings, booleans and unknown fields are rejected, not converted.
If an object has the same name twice, the last value counts.
While a canary is tested, the same `customer_id` always gets the same model; GET /model names the canary.
"""
TAGS = [
    {"name": "predictions", "description": "Predict whether customers churn."},
    {"name": "outcomes", "description": "Report whether customers churned; monitoring and training use it."},
    {"name": "model", "description": "The served model, and how it decides."},
    {"name": "operations", "description": "Probes and metrics."},
]
_IDS = Outcome.model_fields["prediction_id"].examples or []
_MEANINGS = {
    404: "The log has no such predictions; `detail` lists their ids. Nothing was recorded.",
    409: "The predictions have different outcomes; `detail` lists their ids. Nothing was recorded.",
    413: "The body is larger than the limit: 16 KiB for one, `SERVICE_MAX_BODY_BYTES` for a batch.",
    415: "The body is not declared as `application/json`.",
    422: "The request breaks a rule, or its body is not JSON; `errors` lists every field that is wrong.",
    500: "The service failed; its log has the cause under the `request_id`.",
    503: "Temporarily unavailable: `detail` has the reason, `Retry-After` the seconds to wait.",
}
_EXAMPLES: dict[int, Exception] = {
    404: OutcomesUnknown(ids=_IDS),
    409: OutcomesContradicted(ids=_IDS),
    413: BodyTooLarge(limit=16_384, unit="bytes"),
    415: MediaTypeUnsupported(found="text/plain"),
    422: RequestInvalid(rules=[BrokenRule((CONTRACT.names[0],), "Field required", "missing")], found=1),
    500: Exception(),
    503: ModelUnavailable(reason=str(PinUnreadable(path=Path("pinned.json"), problem="no model is pinned"))),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problem responses of an operation, for its route."""
    return {status: {"model": problem_details.Problem, "description": _MEANINGS[status]} for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """Build the OpenAPI document, with the media type and the headers that FastAPI cannot declare."""
    document = get_openapi(title=TITLE, version=__version__, description=DESCRIPTION, routes=app.routes, tags=TAGS)
    operations = (operation for path in document["paths"].values() for operation in path.values())
    for status, response in (pair for operation in operations for pair in operation["responses"].items()):
        response["headers"] = {request_id.HEADER: _header("string", "The request id.")}
        if int(status) >= HTTPStatus.BAD_REQUEST:
            [content] = response["content"].values()
            example = problem_details.of(_EXAMPLES[int(status)]).model_copy(update={"request_id": "checkout-4711"})
            response["content"] = {problem_details.MEDIA_TYPE: content | {"example": example.model_dump()}}
        if int(status) == HTTPStatus.SERVICE_UNAVAILABLE:
            response["headers"]["Retry-After"] = _header("integer", "Seconds to wait before the next attempt.")
    return document


def add_to(app: FastAPI) -> None:
    """Serve the document at /openapi.json and the page at /docs."""
    app.openapi = cache(partial(describe, app))  # type: ignore[method-assign]  # FastAPI's documented way
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
    app.add_api_route("/docs", _page, include_in_schema=False)


def _header(kind: str, description: str) -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": kind}}


async def _page() -> HTMLResponse:
    # Relative addresses also work behind a proxy that serves the app under a prefix.
    return get_swagger_ui_html(
        title=TITLE,
        openapi_url="openapi.json",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon.png",
    )
