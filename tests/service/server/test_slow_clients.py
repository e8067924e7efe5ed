"""Slow clients against a real process, which disconnects them after ten seconds."""

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from models.features import CONTRACT
from service.server.connection import PATIENCE_SECONDS

VALID = json.dumps(CONTRACT.example).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
BATCH = json.dumps({"customers": [CONTRACT.example] * 10_000}).encode()
BATCH_HEAD = HEAD.replace(b"/predict", b"/predict/batch") % len(BATCH)


def drip(connection: socket.socket, text: bytes) -> float:
    """Send a byte now and then, and return the seconds until the service had enough of it."""
    began = time.monotonic()
    for byte in text:
        try:
            connection.sendall(bytes([byte]))
            time.sleep(0.2)
        except OSError:
            break
    return time.monotonic() - began


def drip_a_head(connection: socket.socket) -> float:
    return drip(connection, HEAD.ljust(200, b"x"))


def drip_a_body(connection: socket.socket) -> float:
    connection.sendall(HEAD % 1000)
    return drip(connection, b" " * 200)


def drip_a_second_head(connection: socket.socket) -> float:
    connection.sendall(HEAD % len(VALID) + VALID)
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    return drip_a_head(connection)


def say_nothing(connection: socket.socket) -> float:
    began = time.monotonic()
    assert connection.recv(1) == b""
    return time.monotonic() - began


def read_nothing(connection: socket.socket) -> float:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    began = time.monotonic()
    try:
        while True:  # answers of 2 MB each pile up until the service does not take another batch
            connection.sendall(BATCH_HEAD + BATCH)
    except OSError:
        return time.monotonic() - began


def read_slowly(connection: socket.socket) -> float:
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(read_nothing, connection)
        while not sending.done():
            with suppress(OSError):
                connection.recv(512)
            time.sleep(0.1)
        return sending.result()


@pytest.mark.slow
def test_slow_clients_are_cut_off_and_hold_up_nobody(launch: Callable[..., Any]) -> None:
    service = launch()

    def meet(client: Callable[[socket.socket], float]) -> float:
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
            return client(connection)

    clients = [drip_a_head, drip_a_body, drip_a_second_head, say_nothing, read_nothing, read_slowly]
    with ThreadPoolExecutor(len(clients)) as pool:
        slow = [pool.submit(meet, client) for client in clients]
        for _ in range(20):
            assert service.ask("POST", "/predict", VALID.decode())[0] == 200
            time.sleep(0.2)
        seconds = {client.__name__: found.result() for client, found in zip(clients, slow, strict=True)}

    assert {name for name, found in seconds.items() if PATIENCE_SECONDS - 1 < found < PATIENCE_SECONDS + 5} == set(
        seconds
    )


@pytest.mark.parametrize("path", [b"/predict", b"/predict/batch"])
@pytest.mark.parametrize("expecting", [b"", b"Expect: 100-continue\r\n"])
def test_an_oversize_body_is_refused_before_it_is_sent(
    launch: Callable[..., Any], path: bytes, expecting: bytes
) -> None:
    service = launch("--max-body-bytes", "1000")
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
        connection.sendall(HEAD.replace(b"/predict", path).replace(b"Host", expecting + b"Host") % 10_000_000)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")


def test_head_is_answered_at_once_and_before_what_follows(launch: Callable[..., Any]) -> None:
    service = launch()
    with socket.create_connection(("127.0.0.1", service.port), timeout=2) as connection:
        for name in (b"one", b"two"):
            connection.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %s\r\n\r\n" % name)
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"x-request-id: " + name in answer
            assert answer.endswith(b"\r\n\r\n")


def test_an_oversize_body_of_unknown_length_is_refused_halfway(launch: Callable[..., Any]) -> None:
    service = launch("--max-body-bytes", "1000")
    head = HEAD.partition(b"Content-Length")[0].replace(b"/predict", b"/predict/batch")
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b" " * 1000 + b"\r\n")
        time.sleep(0.2)
        connection.sendall(b"1\r\n \r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
