"""Middleware that answers the probes and the metrics at the operators' port, without a key, and nothing else there."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access import clients
from service.access.clients import Hosts
from service.errors import HostRefused
from service.http import problem_details
from service.http.admission.guard import METRICS, PROBES
from service.settings import Settings


class OperatorsPort:
    """Passes requests of operators to the app, and all others to the middleware of the public port."""

    def __init__(self, app: ASGIApp, *, public: ASGIApp, settings: Settings) -> None:
        """The app of operators is `app`; `public` is for all requests at other ports."""
        self._app, self._public, self._port = app, public, settings.ops_port
        self._hosts = Hosts(settings.ops_hosts) if settings.ops_hosts else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http" or not scope["server"] or scope["server"][1] != self._port:
            await self._public(scope, receive, send)
        elif (error := self._find_fault(scope)) is not None:
            await problem_details.answer(error)(scope, receive, send)
        else:
            scope["state"]["is_operator"] = True
            await self._app(scope, receive, send)

    def _find_fault(self, scope: Scope) -> Exception | None:
        if scope["path"] not in PROBES and scope["path"] != METRICS:
            return HTTPException(404)
        host = clients.find_host(scope["headers"])
        return None if self._hosts is None or self._hosts.admits(host) else HostRefused(found=host.decode("latin-1"))
