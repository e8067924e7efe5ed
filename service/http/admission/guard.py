"""Middleware that admits requests: by host, key, scope and rate.

It decides before the body of a request is read. The probes and the documentation need no key.
"""

from collections.abc import Awaitable, Mapping
from functools import partial

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from models.keys import Grant
from models.keys import Scope as KeyScope
from models.log.reporters import ANONYMOUS
from service.access import clients
from service.access.clients import Hosts
from service.access.key_store import KeyStore
from service.access.rate_limit import Client, RateLimit
from service.errors import HostRefused, KeyRefused, ScopeMissing, ServiceError
from service.http import problem_details
from service.settings import Settings

PREDICT, HEALTH, READY, METRICS = "/predict", "/health", "/health/ready", "/metrics"
TRIAL = "/predict/trial"
PROBES = frozenset({HEALTH, READY, "/health/live"})
OPEN = frozenset({"/", "/docs", "/openapi.json"})
ASSETS = ("/docs/assets/", "/page/")
SCOPES: Mapping[str, KeyScope] = {
    PREDICT: "predict",
    "/predict/batch": "predict",
    TRIAL: "trial",
    "/outcomes": "outcomes",
    "/outcomes/batch": "outcomes",
    "/treatments": "outcomes",
    "/treatments/batch": "outcomes",
}
"""All other paths need the scope `read`."""


class Guard:
    """Middleware that sets the client in a request's state, or refuses the request."""

    def __init__(
        self, app: ASGIApp, *, settings: Settings, keys: KeyStore | None, routes: Mapping[str, BaseRoute]
    ) -> None:
        """`routes` are those of refused requests in the metrics, by path; without `keys`, all clients are anonymous."""
        self._app, self._keys, self._routes = app, keys, routes
        self._ops_port = settings.ops_port
        hosts = settings.hosts
        self._hosts = Hosts(hosts) if hosts else None
        self._requests = RateLimit(settings.requests_per_second, "requests") if settings.requests_per_second else None
        self._rows = RateLimit(settings.rows_per_second, "customers") if settings.rows_per_second else None
        self._is_limited = self._requests is not None or self._rows is not None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass one request on, or refuse it; not a coroutine of its own, which would cost as much as the check."""
        if scope["type"] == "http":
            try:
                self._admit(scope)
            except (ServiceError, HTTPException) as error:
                scope["route"] = self._routes.get(scope["path"])
                return problem_details.answer(error)(scope, receive, send)
        return self._app(scope, receive, send)

    def admits_at_once(self, scope: Scope) -> bool:
        """Decide on a prediction of a client with a key, or of anyone where strangers are not limited.

        All others are left to `__call__`, because a stranger's address may be in a header that is not read yet.
        """
        if self._keys is not None:
            _, grant = _find(self._keys, scope)
            if grant is None or grant.is_expired:
                return False
        elif self._is_limited:
            return False
        else:
            grant = None
        if self._hosts is not None and not self._hosts.admits(clients.find_host(scope["headers"])):
            return False
        if self._ops_port is not None and scope["server"][1] == self._ops_port:
            return False
        scope["state"]["admission"] = None
        try:
            self._enter(scope, grant, SCOPES[PREDICT])
        except ServiceError as error:
            scope["state"]["admission"] = error
            return False
        return True

    def _admit(self, scope: Scope) -> None:
        if "admission" in scope["state"]:
            if (error := scope["state"]["admission"]) is not None:
                raise error
            return
        path: str = scope["path"]
        needed = SCOPES.get(path)
        if needed is None and path in PROBES:
            scope["state"]["is_operator"] = self._is_operator(scope)
            return
        if path == METRICS and self._ops_port is not None:
            raise HTTPException(404)
        if self._hosts is not None and not self._hosts.admits(host := clients.find_host(scope["headers"])):
            raise HostRefused(found=host.decode("latin-1"))
        if needed is None and (path in OPEN or path.startswith(ASSETS)):
            if self._is_limited:
                self._take_request(_stranger(scope))
        else:
            self._enter(scope, None if self._keys is None else self._find_grant(self._keys, scope), needed or "read")

    def _enter(self, scope: Scope, grant: Grant | None, needed: KeyScope) -> None:
        """Set the client, take the request from its limits, and check its scope."""
        scope["state"]["client"] = grant.name if grant else ANONYMOUS
        if self._is_limited:
            self._limit(scope, Client(grant.name, has_key=True) if grant else _stranger(scope))
        if grant and needed not in grant.scopes:
            raise ScopeMissing(name=grant.name, scope=needed)

    def _limit(self, scope: Scope, client: Client) -> None:
        self._take_request(client)
        if self._rows is not None:
            take = partial(self._rows.take, client)
            if scope["path"] == PREDICT:
                take()
            scope["state"]["take_rows"] = take

    def _take_request(self, client: Client) -> None:
        if self._requests is not None:
            self._requests.take(client)

    def _is_operator(self, scope: Scope) -> bool:
        """Return whether a client of the probes may see why the service is not well."""
        if self._ops_port is not None:
            return False
        if self._hosts is not None and not self._hosts.admits(clients.find_host(scope["headers"])):
            return False
        if self._keys is None:
            return True
        try:
            return "read" in self._find_grant(self._keys, scope).scopes
        except KeyRefused:
            return False

    def _find_grant(self, keys: KeyStore, scope: Scope) -> Grant:
        presented, grant = _find(keys, scope)
        if grant is not None and not grant.is_expired:
            return grant
        if presented is not None or scope["path"] not in PROBES:
            self._take_request(_stranger(scope))
        raise KeyRefused(problem="missing" if presented is None else "expired" if grant else "unknown")


def _find(keys: KeyStore, scope: Scope) -> tuple[bytes | None, Grant | None]:
    """Return the key of a request, and its grant, which may be expired."""
    presented = clients.find_key(scope["headers"])
    return presented, None if presented is None else keys.ring.find(presented)


def _stranger(scope: Scope) -> Client:
    client = scope["client"]
    return Client(clients.network_of(client[0]) if client else "", has_key=False)
