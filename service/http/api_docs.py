"""The OpenAPI document, and the page /docs that shows it.

The page's scripts come from the package `fastapi-offline`, so the page also works without access to a CDN.
"""

import re
from base64 import b64encode
from functools import cache, partial
from hashlib import sha256
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
from service.errors import (
    BodyTooLarge,
    BrokenRule,
    HostRefused,
    KeyRefused,
    MediaTypeUnsupported,
    ModelUnavailable,
    RequestInvalid,
    ScopeMissing,
    TooManyRequests,
)
from service.http import problem_details
from service.http.admission import guard

DOCS_CSP = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'sha256-{script}'"
)
"""Swagger's page calls this service and nobody else."""
_DARK_MODE = b"""\
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
"""
"""Swagger's styles have dark colours, which only its top bar would switch on."""
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
    {"name": "outcomes", "description": "Report which offers customers got, and whether they churned."},
    {"name": "model", "description": "The served model, and how it decides."},
    {"name": "operations", "description": "Probes and metrics."},
]
SERVERS = [{"url": ".", "description": "Where this document is, also behind a proxy that strips a path prefix."}]
_IDS = Outcome.model_fields["prediction_id"].examples or []
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Your key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Your key."},
}
_MEANINGS = {
    400: "The header Host is missing or names another service, or the request is malformed.",
    401: "The key is missing, unknown or expired.",
    403: "The key has not the scope of this path.",
    404: "The log has no such predictions; `detail` lists their ids. Nothing was recorded.",
    409: "Another outcome or offer is known for these predictions; `detail` lists their ids. Nothing was recorded.",
    413: "The body is larger than the limit: 16 KiB for one, `SERVICE_MAX_BODY_BYTES` for a batch.",
    415: "The body is not declared as `application/json`, or is declared as compressed.",
    422: "The request breaks a rule, or its body is not JSON; `errors` lists every field that is wrong.",
    429: "You exceed your limit of requests or customers per second; `Retry-After` has the seconds to wait.",
    500: "The service failed; its log has the cause under the `request_id`.",
    503: "Temporarily unavailable: `detail` has the reason, `Retry-After` the seconds to wait.",
}
_EXAMPLES: dict[int, Exception] = {
    400: HostRefused(found="example.com"),
    401: KeyRefused(problem="missing"),
    403: ScopeMissing(name="crm", scope="outcomes"),
    429: TooManyRequests(limit=100, unit="requests", wait_seconds=1),
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


def describe(app: FastAPI, *, keyed: bool, has_ops_port: bool) -> dict[str, Any]:
    """Build the OpenAPI document, with the keys, the media type and the headers that FastAPI cannot declare."""
    document = get_openapi(
        title=TITLE, version=__version__, description=DESCRIPTION, routes=app.routes, tags=TAGS, servers=SERVERS
    )
    if has_ops_port:
        del document["paths"][guard.METRICS]
    if keyed:
        document["components"]["securitySchemes"] = _SCHEMES
    for path, operations in document["paths"].items():
        for operation in operations.values() if path not in guard.PROBES else ():
            _guard(operation, path, keyed=keyed)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for status, response in (pair for operation in operations for pair in operation["responses"].items()):
        response["headers"] = {request_id.HEADER: _header("string", "The request id.")}
        if int(status) >= HTTPStatus.BAD_REQUEST:
            [content] = response["content"].values()
            example = problem_details.of(_EXAMPLES[int(status)]).model_copy(update={"request_id": "checkout-4711"})
            response["content"] = {problem_details.MEDIA_TYPE: content | {"example": example.model_dump()}}
        if int(status) in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            response["headers"]["Retry-After"] = _header("integer", "Seconds to wait before the next attempt.")
    return document


def add_to(app: FastAPI, *, keyed: bool, has_ops_port: bool) -> None:
    """Serve the document at /openapi.json and the page at /docs; `keyed` means that clients need keys."""
    app.openapi = cache(partial(describe, app, keyed=keyed, has_ops_port=has_ops_port))  # type: ignore[method-assign]  # FastAPI's documented way
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
    app.add_api_route("/docs", _page, include_in_schema=False)


def _guard(operation: dict[str, Any], path: str, *, keyed: bool) -> None:
    """Declare what the guard may answer to an operation."""
    statuses = [400, 401, 403, 429] if keyed else [400, 429]
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = {str(status): {"description": _MEANINGS[status], "content": dict(content)} for status in statuses}
    operation["responses"] = dict(sorted((operation["responses"] | refusals).items()))
    if keyed:
        operation["security"] = [{scheme: []} for scheme in _SCHEMES]
        operation["description"] += f" Needs a key with the scope `{guard.SCOPES.get(path, 'read')}`."


def _header(kind: str, description: str) -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": kind}}


def page_headers(policy: str) -> dict[str, str]:
    """Return the security headers of a page with this Content-Security-Policy."""
    return {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


async def _page() -> HTMLResponse:
    page = _draw_page()
    # The page has one script of its own, which Swagger's comes before; its digest allows it and no other.
    [script] = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    allowed = b64encode(sha256(script).digest()).decode()
    page.headers.update(page_headers(DOCS_CSP.format(script=allowed)))
    return page


def _draw_page() -> HTMLResponse:
    # Relative addresses also work behind a proxy that serves the app under a prefix.
    page = get_swagger_ui_html(
        title=TITLE,
        openapi_url="openapi.json",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon.png",
    )
    body = bytes(page.body).replace(b"<html>", b'<html lang="en">').replace(b"<script>", b"<script>" + _DARK_MODE)
    return HTMLResponse(body)
