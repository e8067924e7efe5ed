"""Fixtures of the client's tests: a service with keys, a scripted server, and clients of both kinds."""

import asyncio
import inspect
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from churn_client import AsyncClient, Client
from demo.running_service import running
from models.keys import SCOPES
from service.access import keys_file
from tests import shipped
from tests.clients import scripted_server
from tests.clients.scripted_server import ScriptedServer

Connect = Callable[..., Client]
PATIENT: dict[str, Any] = {"timeout_seconds": 60, "tls": ssl.create_default_context()}
"""For busy machines; and certificates are read once."""


@dataclass(frozen=True)
class Served:
    """A running service and its keys."""

    url: str
    key: str
    """For everything."""
    reading_key: str
    """For the scope `read`."""


@pytest.fixture(scope="session")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    shipped.require_model()
    folder = tmp_path_factory.mktemp("served")
    keys = folder / "keys.toml"
    key, reading_key = keys_file.add(keys, "crm", SCOPES, None), keys_file.add(keys, "page", ["read"], None)
    settings = {
        "SERVICE_KEYS_FILE": str(keys),
        "SERVICE_LOG_URL": f"sqlite:///{folder / 'predictions.db'}",
        "SERVICE_OUTPUT_DIR": str(folder),
        "SERVICE_MAX_TURN_SECONDS": "10",  # on a busy machine, too
    }
    with running(root / "models", folder / "service.log", **settings) as running_service:
        yield Served(running_service.url, key, reading_key)


@pytest.fixture
def script() -> Iterator[ScriptedServer]:
    with scripted_server.serving() as server:
        yield server


class Blocking:
    """An `AsyncClient` that tests call like a `Client`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._client = AsyncClient(*arguments, **options)
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            answer = getattr(self._client, name)(*arguments, **options)
            return self._loop.run_until_complete(answer) if inspect.isawaitable(answer) else self._each(answer)

        return call

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()

    def _each(self, answers: Any) -> Iterator[Any]:
        while True:
            try:
                yield self._loop.run_until_complete(anext(answers))
            except StopAsyncIteration:
                return


@pytest.fixture(params=[Client, Blocking], ids=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make clients of one kind, which are closed after the test."""
    with ExitStack() as stack:

        def connect(*arguments: Any, **options: Any) -> Client:
            client = cast("Client", request.param(*arguments, **(PATIENT | options)))
            stack.callback(client.close)
            return client

        yield connect


@pytest.fixture
def client(connect: Connect, service: Served) -> Client:
    """A client of the service, for everything."""
    return connect(service.url, service.key)
