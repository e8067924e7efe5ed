"""Clients that take connections, memory or answers and give nothing back, against a real process."""

import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from models.bundles import bundle
from models.features import CONTRACT
from tests.attack.server.test_requests import GET, HOST, POST, VALID
from tests.service.stores import publish_another
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2, and limits of another process")
DESCRIPTORS, FEW_DESCRIPTORS = 1_000, 400
NOTE = json.dumps({"prediction_id": "0" * 32, "churned": True, "observed_at": "2026-01-01T00:00:00Z"})


def connect(port: int, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(address, 0))


def ask(port: int, path: str, body: str, address: str) -> int:
    """Send a body from an address, and return the status."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    with connect(port, address) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return int(connection.recv(65_536).split(b" ")[1])


def metric_in(exposed: str, name: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in exposed.splitlines() if line.startswith(name))


def metric(service: Any, name: str) -> float:
    return metric_in(service.ask("GET", "/metrics")[1], name)


def shippers_of(process_id: int) -> set[int]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process_id and b"service.log.shipper" in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
    return found


def test_idle_connections_leave_room_for_clients_the_model_and_the_shipper(
    launch: Callable[..., Any], shelf: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    another = publish_another(shelf, tmp_path_factory)
    flags = ["--models-dir", str(shelf), "--output-dir", str(tmp_path), "--log-url", f"sqlite:///{tmp_path}/log.db"]
    service = launch(*flags, wait=False)
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    service.wait()
    [shipper] = shippers_of(service.process.pid)
    with ExitStack() as stack:
        for number in range(DESCRIPTORS):
            stack.enter_context(connect(service.port, f"127.0.0.{2 + number % 3}"))
        began = time.monotonic()
        for _ in range(3):
            assert service.ask("POST", "/predict", json.dumps(CONTRACT.example))[0] == 200
        assert time.monotonic() - began < 5

        os.kill(shipper, signal.SIGKILL)
        bundle.pin(another, models_dir=shelf)
        wait_until(lambda: any(f"serving model {another.manifest.version}" in line for line in service.lines()), 30)
        wait_until(lambda: shippers_of(service.process.pid) - {shipper}, seconds=30)
        wait_until(lambda: json.loads(service.ask("GET", "/health")[1])["status"] == "healthy", seconds=30)
        assert metric(service, 'http_connections_cut_total{reason="replaced"}') > 100
    assert not any("refused" in line for line in service.lines())


def test_a_busy_client_keeps_its_place(launch: Callable[..., Any]) -> None:
    service = launch(environment={"SERVICE_LOG_URL": ""}, wait=False)
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS, FEW_DESCRIPTORS))
    service.wait()
    head, _, body = VALID.partition(b"\r\n\r\n")
    with ExitStack() as stack:
        busy = stack.enter_context(connect(service.port))
        busy.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n" + body[:10])
        assert busy.recv(65_536).startswith(b"HTTP/1.1 100")  # its request has begun
        for _ in range(60):
            stack.enter_context(connect(service.port))
        assert metric(service, 'http_connections_cut_total{reason="replaced"}') >= 10
        busy.sendall(body[10:])
        assert busy.recv(65_536).startswith(b"HTTP/1.1 200")


def test_unfinished_bodies_leave_memory_for_all_others(launch: Callable[..., Any], tmp_path: Path) -> None:
    flags = ["--output-dir", str(tmp_path), "--log-url", f"sqlite:///{tmp_path}/log.db"]
    service = launch("--max-body-bytes", "4000000", *flags)
    wait_until(lambda: ask(service.port, "/outcomes", NOTE, "127.0.0.1") == 404)  # the log has its tables
    batch = json.dumps({"customers": [CONTRACT.example] * 2_000})
    head = POST.replace(b"/predict", b"/predict/batch") + b"Content-Length: 4000000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(16):
            attacker = stack.enter_context(connect(service.port))
            with suppress(OSError):  # refused at once
                attacker.sendall(head + b" " * 3_999_999)
        for address in ("127.0.0.1", "127.0.0.2"):
            for _ in range(3):
                assert ask(service.port, "/predict?explain=true", json.dumps(CONTRACT.example), address) == 200
                assert ask(service.port, "/outcomes", NOTE, address) == 404
                small = json.dumps({"customers": [CONTRACT.example] * 50})
                assert ask(service.port, "/predict/batch", small, address) == 200
        for _ in range(3):
            assert ask(service.port, "/predict/batch", batch, "127.0.0.2") == 200
        # Bodies that stand still make room even for their own address.
        wait_until(lambda: ask(service.port, "/predict/batch", batch, "127.0.0.1") == 200, seconds=6)


def read_a_little(connection: socket.socket) -> float:
    """Ask for large answers all the time, and read 10 kB a second; return the seconds until the service had enough."""
    request = GET.replace(b"/health/live", b"/openapi.json") + b"\r\n"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(0)
    began = time.monotonic()
    with suppress(ConnectionError):
        while time.monotonic() - began < 40:
            with suppress(BlockingIOError):
                connection.send(request * 16)
            with suppress(BlockingIOError):
                connection.recv(1000)
            time.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.slow
def test_a_client_that_reads_a_little_of_many_answers_is_cut_off(launch: Callable[..., Any]) -> None:
    service = launch(environment={"SERVICE_LOG_URL": ""})
    with ThreadPoolExecutor(1) as pool, connect(service.port) as connection:
        slow = pool.submit(read_a_little, connection)
        while not slow.done():
            assert service.ask("GET", "/health/live")[0] == 200
            time.sleep(0.2)
    assert slow.result() < 30
    assert metric(service, 'http_connections_cut_total{reason="slow_reader"}') == 1


def test_a_closed_connection_gives_its_place_back(launch: Callable[..., Any]) -> None:
    service = launch(environment={"SERVICE_LOG_URL": ""}, wait=False)
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS, FEW_DESCRIPTORS))
    service.wait()
    for _ in range(150):
        with connect(service.port) as connection:
            connection.sendall(VALID.replace(HOST, HOST + b"Connection: close\r\n"))
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    assert metric(service, "http_connections_cut_total") == 0
