"""The dashboard's web application: the list of runs, a page for each run, and Evidently's own pages, read-only."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from models import listening
from monitoring import review
from monitoring.errors import CannotTell, DecidedMeanwhile, KeysUnusable
from monitoring.review import Review
from monitoring.review_page import forms, guard, pages
from monitoring.review_page.evidently_pages import ReadOnly
from monitoring.review_page.guard import COOKIE, HEALTH, SIGN_IN, Guard
from monitoring.review_page.pages import Choice, Pages
from monitoring.review_page.sessions import MAX_AGE_SECONDS, Sessions
from monitoring.runs import recorded_runs
from monitoring.runs.recorded_runs import NAME, RecordedRun
from monitoring.settings import DashboardSettings

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_NEXT = re.compile(rf"/|/runs/{NAME}|/projects/[0-9a-f-]{{36}}")
"""Pages that a sign-in may lead to."""
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""For reports, which are scripts of Evidently's around texts of a record: they run apart from our pages."""


def create_app(settings: DashboardSettings, *, evidently: ASGIApp, evidently_page: str, project: str) -> Starlette:
    """Return the application; `evidently` is Evidently's own, and `evidently_page` the path of its first page."""
    sessions = Sessions(settings.keys_file) if settings.keys_file else None
    # Where no key is asked for, a foreign page must not reach the dashboard under a name of its own (DNS rebinding).
    hosts = () if sessions else (*LOCAL_NAMES, settings.host)
    retrains = bool(settings.retrain_command)
    front = _Front(settings, Pages(project=project, evidently_page=evidently_page, retrains=retrains), sessions)
    return Starlette(
        routes=[
            Route(HEALTH, lambda _: PlainTextResponse("ok")),
            Route(guard.STYLES, lambda _: FileResponse(pages.STYLES, media_type="text/css")),
            Route("/", front.runs),
            Route("/runs/{name}", front.run, methods=["GET"]),
            Route("/runs/{name}", front.decide, methods=["POST"]),
            Route("/runs/{name}/report", front.report),
            Route(SIGN_IN, front.ask_for_key, methods=["GET"]),
            Route(SIGN_IN, front.sign_in, methods=["POST"]),
            Route(guard.SIGN_OUT, front.sign_out, methods=["POST"]),
            Mount("", ReadOnly(evidently)),
        ],
        middleware=[Middleware(Guard, hosts=hosts, sessions=sessions)],
        exception_handlers={HTTPException: front.fail, KeysUnusable: front.fail},
    )


def find_problem(settings: DashboardSettings) -> str | None:
    """Return why the dashboard must not start with these settings, and the remedy."""
    if settings.keys_file is None and not listening.is_loopback(settings.host):
        return (
            f"MONITORING_HOST={settings.host} lets everyone decide who reaches it. Make a key with `python -m service "
            "keys add NAME --scopes review` and set MONITORING_KEYS_FILE, or listen on 127.0.0.1."
        )
    return listening.find_problem(settings.host, settings.port, settings=("MONITORING_HOST", "MONITORING_PORT"))


class _Front:
    """The handlers."""

    def __init__(self, settings: DashboardSettings, shown: Pages, sessions: Sessions | None) -> None:
        self._output_dir, self._retrain_command = settings.output_dir, settings.retrain_command
        self._pages, self._sessions = shown, sessions

    def runs(self, request: Request) -> Response:
        asked = request.query_params
        names = ("job", "verdict", "model")
        chosen = Choice(**{name: asked.get(name, "") for name in names}, everything="all" in asked)
        runs, damaged = recorded_runs.read_all(self._output_dir)
        return self._pages.runs(runs, [path.name for path in damaged], chosen, request.state.reviewer)

    def run(self, request: Request) -> Response:
        run, asked = self._find(request), request.query_params
        unlisted = " Evidently does not show it." if "unlisted" in asked else ""
        return self._show(
            run, request, notice=f"The decision is recorded.{unlisted}" if "saved" in asked and run.reviews else ""
        )

    async def decide(self, request: Request) -> Response:
        typed = await forms.read(request)
        return await run_in_threadpool(self._decide, request, typed)

    def report(self, request: Request) -> Response:
        page = self._find(request).path.with_suffix(".html")
        if not page.is_file():
            raise HTTPException(404, "This run left no report.")
        return FileResponse(page, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    def ask_for_key(self, request: Request) -> Response:
        if self._sessions is None or request.state.reviewer:
            return RedirectResponse("/", 303)
        return self._pages.sign_in(next_page=_next(request.query_params))

    async def sign_in(self, request: Request) -> Response:
        if self._sessions is None:
            return RedirectResponse("/", 303)
        typed = await forms.read(request)
        secret, problem = await run_in_threadpool(self._sessions.open, typed.get("key", ""))
        if secret is None:
            return self._pages.sign_in(next_page=_next(typed), problem=problem)
        answer = RedirectResponse(_next(typed), 303)
        origin = request.headers.get("origin", "")  # a proxy for TLS passes it on, and speaks HTTP to the dashboard
        is_secure = "https" in (request.url.scheme, urlsplit(origin).scheme)
        answer.set_cookie(COOKIE, secret, MAX_AGE_SECONDS, secure=is_secure, httponly=True, samesite="strict")
        return answer

    def sign_out(self, request: Request) -> Response:
        if self._sessions is not None:
            self._sessions.close(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(SIGN_IN, 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    def fail(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 503
        text = error.detail if isinstance(error, HTTPException) else str(error)
        return self._pages.problem(text, status, getattr(request.state, "reviewer", None))

    def _decide(self, request: Request, typed: Mapping[str, str]) -> Response:
        run = self._find(request)
        form, problems = forms.check(typed)
        if form is None:
            return self._show(run, request, typed=typed, problems=problems, status=422)
        try:
            decided = Review(form.decision, form.by, form.why, request.state.reviewer)
            is_listed = review.save(decided, run, self._output_dir, seen=form.reviews)
        except DecidedMeanwhile as error:
            return self._show(self._find(request), request, typed=typed, problems={"form": str(error)}, status=409)
        except CannotTell as error:
            return self._show(run, request, typed=typed, problems={"form": str(error)}, status=500)
        if form.decision == "retrain":
            review.follow(run, self._retrain_command)
        return RedirectResponse(f"/runs/{run.name}?saved{'' if is_listed else '&unlisted'}", 303)

    def _show(self, run: RecordedRun, request: Request, **said: Any) -> Response:
        history = recorded_runs.read_all(self._output_dir).runs
        history = [one for one in history if one.job == run.job and one.name <= run.name]
        return self._pages.run(run, history, request.state.reviewer, **said)

    def _find(self, request: Request) -> RecordedRun:
        """Read the run that a path names; only names of runs are looked for, so no path leads elsewhere."""
        name = request.path_params["name"]
        path = self._output_dir / "reports" / f"{name}.json"
        if not recorded_runs.is_name(name) or not path.is_file():
            raise HTTPException(404, "There is no such run. It may have been removed because of its age.")
        try:
            return recorded_runs.read(path)
        except (OSError, ValueError) as error:
            raise HTTPException(500, f"The record of this run cannot be read: {path.name}.") from error


def _next(fields: Mapping[str, str]) -> str:
    page = fields.get("next", "")
    return page if _NEXT.fullmatch(page) else "/"
