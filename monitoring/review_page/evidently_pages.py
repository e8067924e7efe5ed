"""Evidently's own web app behind the dashboard: it shows, and changes and deletes nothing."""

import re

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READS = re.compile(r"/api/v2/snapshots/[0-9a-f-]{36}/data_series_batch")
"""The path of the figures of its charts, which its page asks for with POST."""
POLICY = (
    "sandbox allow-scripts allow-same-origin; default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src {api}; "
    "frame-src 'none'; worker-src 'none'; object-src 'none'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""For Evidently's pages, which may ask its API and nothing else of ours."""


class ReadOnly:
    """Evidently's application without what changes or deletes, and with a policy for its pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on that only reads."""
        if scope["type"] != "http":
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD") and not READS.fullmatch(scope["path"]):
            raise HTTPException(405, "Evidently's pages only show; nothing can be changed or deleted here.")
        host = Request(scope).headers["host"]
        api = "'self'" if host.startswith("[") else f"{host}/api/"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = POLICY.format(api=api)
            await send(message)

        await self._app(scope, receive, sending)
