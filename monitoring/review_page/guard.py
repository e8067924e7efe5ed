"""Middleware that admits requests to the dashboard: by host, by origin, and by session where keys are asked for.

It also gives every answer the headers that keep other web pages, and texts of strangers in a record, from doing
anything in the reviewer's name.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.errors import KeysUnusable
from monitoring.review_page.evidently_pages import READS
from monitoring.review_page.sessions import Sessions

COOKIE = "churn_review_session"
"""With the project's name: browsers send cookies of one port of a machine to all its ports."""
HEALTH, SIGN_IN, SIGN_OUT, STYLES = "/health", "/sign-in", "/sign-out", "/page.css"
OPEN = frozenset({HEALTH, SIGN_IN, SIGN_OUT, STYLES})
"""Paths that need no session."""
_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE)
_LONGEST_HOST = 255
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded")
"""Headers of a proxy."""
_SIGN_IN_BESIDE = (
    f"Your session has ended. Sign in on {SIGN_IN} in another tab, and then load this page again: the browser sends "
    "once more what you typed."
)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Content security policy of our own pages: no script at all."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # without a referrer, forms would not tell their origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Middleware that sets `reviewer` in a request's state, the name of the key, or refuses the request."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], sessions: Sessions | None) -> None:
        """`hosts` are the names that the header Host may have, none for all; without `sessions`, all are admitted."""
        self._app, self._hosts, self._sessions = app, frozenset(hosts), sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refuse(Request(scope))
        await (refused or self._app)(scope, receive, _with_headers(send))

    def _refuse(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host) or not self._admits(host):
            return PlainTextResponse("This address is not one of the dashboard's. Open it by its own.", 400)
        if request.method not in ("GET", "HEAD") and not _is_own(request, host):
            return PlainTextResponse("Only forms of the dashboard itself are taken.", 403)
        if self._sessions is None and any(name in request.headers for name in _FORWARDED):
            return PlainTextResponse(
                "This request came through a proxy, and the dashboard asks nobody for a key. Set MONITORING_KEYS_FILE.",
                403,
            )
        request.state.reviewer = None
        return None if self._sessions is None or request.url.path == HEALTH else self._identify(request, self._sessions)

    def _identify(self, request: Request, sessions: Sessions) -> Response | None:
        """Set the reviewer, or ask for a key."""
        try:
            request.state.reviewer = sessions.find(request.cookies.get(COOKIE, ""))
        except KeysUnusable as error:
            return PlainTextResponse(str(error), 503)
        if request.state.reviewer or request.url.path in OPEN:
            return None
        if request.method not in ("GET", "HEAD"):  # a form that was open for long; a redirect would lose what was typed
            return PlainTextResponse(f"Nothing is recorded yet. {_SIGN_IN_BESIDE}", 401)
        if request.url.path.startswith("/api/"):
            return PlainTextResponse(f"Sign in on {SIGN_IN} first.", 401)
        return RedirectResponse(f"{SIGN_IN}?next={quote(request.url.path)}", 303)

    def _admits(self, host: str) -> bool:
        name = host.lower()
        return not self._hosts or (name if name.endswith("]") else name.rpartition(":")[0] or name) in self._hosts


def _is_own(request: Request, host: str) -> bool:
    """Return whether one of our own pages submitted a form, which no other page and no script can do.

    A browser that tells the site is believed about it: a proxy may have changed the host. A request that tells neither
    site nor origin comes from no browser of today.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_form = request.headers.get("sec-fetch-mode", "navigate") == "navigate"
        return site == "same-origin" and (is_form or bool(READS.fullmatch(request.url.path)))
    return urlsplit(request.headers.get("origin", "")).netloc.lower() == host.lower()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
