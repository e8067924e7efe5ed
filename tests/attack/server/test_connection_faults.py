"""Connections that meet a fault of ours, or end for two reasons at once: each is cut off and counted once."""

import asyncio
import logging
import ssl
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.server import ServerState

from service.metrics.metrics import Metrics
from service.server import head_rules
from service.server.connection import Connection
from service.server.faults import FaultLog
from service.server.tls import Config
from tests.attack.one_connection import CONFIG, TURNS, Wire, app
from tests.certificates import make_certificate
from tests.waiting import wait_until

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connection_of(metrics: Metrics, config: Any = CONFIG) -> Connection:
    state = {"inference": SimpleNamespace(metrics=metrics), "refuse": app}
    return Connection(config=config, server_state=ServerState(), app_state=state)


def cut_in(metrics: Metrics) -> dict[str, float]:
    """Return how many connections were cut off, by reason."""
    lines = [line for line in metrics.expose().decode().splitlines() if line.startswith("http_connections_cut_total{")]
    found = {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}
    return {reason: number for reason, number in found.items() if number}


@pytest.mark.parametrize("times", [1, 20], ids=["at once", "in turns"])
def test_a_fault_of_ours_ends_one_connection_and_fills_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a bug")

    metrics = Metrics()
    monkeypatch.setattr(head_rules, "find_fault", fail)
    monkeypatch.setattr(Connection, "faults", FaultLog())
    raised: list[Any] = []

    async def attack() -> list[Wire]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
        wires = [Wire() for _ in range(30)]
        for wire in wires:
            connection = connection_of(metrics)
            connection.connection_made(wire)
            connection.data_received(GET.replace(b"1.1", b"1.0") * times)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            connection.connection_lost(None)
        return wires

    with caplog.at_level(logging.ERROR):
        wires = asyncio.run(attack())
    assert all(wire.is_closed and not wire.written for wire in wires)
    assert cut_in(metrics) == {"fault": 30}
    assert raised == []
    assert 1 <= len([record for record in caplog.records if record.exc_info]) <= 3
    assert "ZeroDivisionError: a bug" in caplog.text


def test_a_connection_that_is_replaced_in_its_handshake_is_counted_once(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    config = Config(app, log_config=None, ws="none", lifespan="off", ssl_certfile=certificate, ssl_keyfile=key)
    metrics = Metrics()

    async def replace() -> None:
        config.load()
        assert isinstance(config.tls, ssl.SSLContext)
        made: list[Connection] = []

        def make() -> Connection:
            made.append(connection_of(metrics, config))
            return made[-1]

        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"\x16\x03\x01\x02\x00\x01")  # begins a handshake
        await asyncio.to_thread(wait_until, lambda: made and made[0]._raw is not None)
        made[0].make_room()
        with suppress(ConnectionError):
            assert await reader.read(1) == b""
        writer.close()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        server.close()

    asyncio.run(replace())
    assert cut_in(metrics) == {"replaced": 1}
