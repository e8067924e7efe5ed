"""One connection without a network, for bytes by the thousand."""

import asyncio
from types import SimpleNamespace
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.metrics.metrics import Metrics
from service.server.connection import Connection

TURNS = 10
"""Turns of the event loop until all that was sent is parsed and answered."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer, or answer what was refused."""
    fault = scope["state"].get("fault")
    while fault is None and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": fault.status_code if fault else 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


class Raising(Connection):
    """Keeps the faults that a real connection only logs."""

    met: list[Exception]

    def fail(self, error: Exception) -> None:
        self.met.append(error)
        super().fail(error)


CONFIG = uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="off")
METRICS = Metrics()


async def answer(raw: bytes) -> bytes:
    """Return what a client that sends this is answered."""
    state = {"inference": SimpleNamespace(metrics=METRICS), "refuse": app}
    connection, wire = Raising(config=CONFIG, server_state=ServerState(), app_state=state), Wire()
    connection.met = []
    connection.connection_made(wire)
    connection.data_received(raw)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    if not wire.is_closed:
        connection.connection_lost(None)
    for task in list(connection.tasks):
        task.cancel()
    if connection.met:
        raise connection.met[0]
    return wire.written
