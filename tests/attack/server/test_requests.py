"""Requests that are endless, ambiguous or no HTTP at all, against a real process, while another client asks as well."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measuring.process import resident_mb
from models.features import CONTRACT
from tests.service.conftest import Launched
from tests.waiting import wait_until

BODY = json.dumps(CONTRACT.example).encode()
HOST = b"Host: localhost\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
VALID = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
PAUSE_SECONDS, ATTEMPTS = 0.01, 3
MOST_BYTES = 48_000_000
"""What an attacker sends at most; the service lets none of them come so far."""

HUGE = b"0" * 5_000 + b"%d" % len(BODY)
AMBIGUOUS = {
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400, "0 Host fields"),
    "two Hosts": (GET + HOST + b"\r\n", 400, "2 Host fields"),
    "another coding before chunked": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        501,
        "Encoding",
    ),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, "Transfer-Encoding"),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0 has no"),
    "length and chunks": (
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "present with",
    ),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "Content-Length"),
    "a length with zeros": (POST + b"Content-Length: %s\r\n\r\n%s" % (HUGE, BODY), 400, "more than 19 digits"),
    "a length with zeros in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nContent-Length: %s\r\n\r\n" % HUGE,
        400,
        "more than 19 digits",
    ),
    "a folded field": (GET + b"A: b\r\n c\r\n\r\n", 400, "whitespace"),
    "lines without CR": (b"GET / HTTP/1.1\nHost: localhost\n\n", 400, "CRLF"),
    "a CR within a field": (GET + b"A: b\rc\r\n\r\n", 400, "LF after header"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505, "HTTP/0.9"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "begins HTTP/2"),
    "CONNECT": (b"CONNECT a:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "no proxy"),
    "a URL without a host": (b"GET http:// HTTP/1.1\r\n" + HOST + b"\r\n", 400, "no path"),
    "a URL without a path": (b"GET http://localhost HTTP/1.1\r\n" + HOST + b"\r\n", 400, "no path"),
    "an unknown expectation": (POST + b"Expect: gold\r\nContent-Length: 1\r\n\r\na", 417, "expectation"),
    "an upgrade with a body": (
        POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na",
        501,
        "another protocol",
    ),
    "a TLS handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "Invalid method"),
    "101 fields": (GET + b"A: b\r\n" * 100 + b"\r\n", 431, "more than 100 fields"),
    "a long URL": (b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 8_200), 414, "longer than 8192"),
    "a bad chunk": (CHUNKED + b"z\r\n", 400, "chunk size"),
    "101 trailers": (CHUNKED + LAST + b"A: b\r\n" * 101 + b"\r\n", 431, "more than 100 fields"),
}
ENDLESS = {
    "fields": (GET, b"A: b\r\n", 431),
    "a field": (GET + b"A: ", b"b", 431),
    "a name of a field": (GET, b"b", 431),
    "a URL": (b"GET /", b"a", 414),
    "trailers": (CHUNKED + LAST, b"A: b\r\n", 431),
    "a trailer": (CHUNKED + LAST + b"A: ", b"b", 431),
    "a chunk extension": (CHUNKED + b"1;", b"b", 431),
    "a chunk size": (CHUNKED, b"0", 431),
    "chunks": (CHUNKED, b"1\r\n \r\n", 400),
}


@pytest.fixture(scope="module")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    environment = {"SERVICE_LOG_URL": "", "SERVICE_MAX_TURN_SECONDS": "10"}
    launched = Launched(root, tmp_path_factory.mktemp("service") / "log", environment=environment)
    launched.wait()
    yield launched
    launched.stop()


def read_all(connection: socket.socket) -> bytes:
    answer = b""
    with suppress(OSError):
        while part := connection.recv(65_536):
            answer += part
    return answer


def exchange(port: int, request: bytes) -> bytes:
    """Send a request, and return all that is answered until the service closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        return read_all(connection)


def send_without_end(port: int, begin: bytes, part: bytes) -> tuple[bytes, int]:
    """Send until the service has enough of it; return its answer, and how many bytes it took."""
    block, sent = part * (65_536 // len(part)), len(begin)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(begin)
        connection.settimeout(0)
        answer, limit = b"", time.monotonic() + 20
        while not answer and sent < MOST_BYTES and time.monotonic() < limit:
            with suppress(BlockingIOError, ConnectionError):  # it may be closed already; the answer waits all the same
                sent += connection.send(block)
            with suppress(BlockingIOError):
                answer += connection.recv(65_536)
        return answer, sent


def wait_of_most(seconds: list[float]) -> float:
    """Return the wait below which 9 of 10 clients stay who come at any time, also while the one that asked waits."""
    waits = sorted(wait - PAUSE_SECONDS * later for wait in seconds for later in range(1 + int(wait / PAUSE_SECONDS)))
    return waits[int(0.9 * len(waits))]


def least_delay(port: int, attack: Callable[[], None]) -> float:
    """Return how much longer most others wait during an attack; of several attempts the least, for a busy machine."""
    with another_client(port) as quiet:
        wait_until(lambda: len(quiet) >= 50, seconds=60)
    delays: list[float] = []
    while len(delays) < ATTEMPTS and min(delays, default=1.0) >= 0.1:
        with another_client(port) as seconds:
            attack()
        delays.append(wait_of_most(seconds) - wait_of_most(quiet))
    return min(delays)


@contextmanager
def another_client(port: int) -> Iterator[list[float]]:
    """Ask all the time; the list has the seconds of each answer."""
    seconds: list[float] = []
    stop = threading.Event()

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            while not stop.wait(PAUSE_SECONDS):
                began = time.monotonic()
                connection.sendall(VALID)
                assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
                seconds.append(time.monotonic() - began)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        yield seconds
        stop.set()
        asking.result()


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_an_ambiguous_request_is_refused_in_the_form_of_all_errors(service: Launched, kind: str) -> None:
    request, status, reason = AMBIGUOUS[kind]
    head, _, body = exchange(service.port, request).partition(b"\r\n\r\n")
    problem = json.loads(body)

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert problem["status"] == status
    assert reason in problem["detail"]
    assert b"x-request-id: " + problem["request_id"].encode() in head
    assert b"application/problem+json" in head
    assert b"connection: close" in head


def test_endless_requests_take_no_memory_and_hold_up_nobody(service: Launched) -> None:
    exchange(service.port, VALID.replace(HOST, HOST + b"Connection: close\r\n"))
    before_mb = resident_mb(service.process.pid)

    def attack() -> None:
        for kind, (begin, part, status) in ENDLESS.items():
            answer, sent = send_without_end(service.port, begin, part)
            assert (answer.split(b" ")[1:2], sent < MOST_BYTES) == ([b"%d" % status], True), kind

    assert least_delay(service.port, attack) < 0.1
    assert resident_mb(service.process.pid) < before_mb + 30


def test_pipelined_requests_are_answered_in_order_without_holding_up_others(service: Launched) -> None:
    requests = 3_000
    before_mb = resident_mb(service.process.pid)

    def attack() -> None:
        answer = exchange(service.port, GET.join([b"", *[b"\r\n"] * requests]) + VALID + b"GET / HTTP/1.1\r\n\r\n")
        assert answer.count(b'{"status":"alive"}') == requests
        assert answer.count(b"HTTP/1.1 200") == requests + 1
        assert answer.count(b"HTTP/1.1 400") == 1
        assert answer.rpartition(b"HTTP/1.1 ")[2].startswith(b"400")

    assert least_delay(service.port, attack) < 0.1
    assert resident_mb(service.process.pid) < before_mb + 20


def test_what_is_unusual_but_right_is_answered(service: Launched) -> None:
    close = b"Connection: close\r\n\r\n"
    for request in (
        GET + b"A: b\r\n" * 90 + close,
        GET + b"A: " + b"b" * 60_000 + b"\r\n" + close,
        b"GET http://x/health/live HTTP/1.1\r\nHost: localhost\r\n" + close,
        b"GET /health/live HTTP/1.0\r\n\r\n",
        b"\r\n\r\n" + GET + close,
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + LAST + b"Host: y\r\n\r\n",
        POST + b"Expect: 100-Continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    ):
        assert b"HTTP/1.1 200 OK" in exchange(service.port, request), request[:80]


def test_the_rest_of_a_body_that_was_refused_early_is_read(service: Launched) -> None:
    head = POST + b"Content-Length: 3000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
        connection.sendall(b" " * 3_000_000 + VALID)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


def test_after_an_early_refusal_without_100_continue_no_request_is_taken_for_the_body(service: Launched) -> None:
    head = POST.replace(b"application/json", b"text/plain") + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head)
        told, _, _ = connection.recv(65_536).partition(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 415")
        assert b"\r\nconnection: close" in told
        assert read_all(connection) == b""

    answer = exchange(service.port, head + b" " * 100 + GET + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 415")
    assert b'{"status":"alive"}' in answer  # it sent its body at once, so the connection goes on


@pytest.mark.parametrize(("lines", "status"), [(21_003, 200), (100_001, 400)])
def test_blank_lines_in_a_chunk_are_no_chunks(service: Launched, lines: int, status: int) -> None:
    body = json.dumps({"customers": [CONTRACT.example]}).encode().replace(b"{", b"{" + b"\r\n\r\n" * lines, 1)
    head = CHUNKED.replace(b"/predict", b"/predict/batch").replace(HOST, HOST + b"Connection: close\r\n")
    answer = exchange(service.port, head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (b"more than 100000 blank lines" in answer) is (status == 400)


def test_blank_lines_in_a_chunk_leave_no_more_room_for_extensions(service: Launched) -> None:
    lines = b"\r\n\r\n" * 15_000
    head = CHUNKED.replace(b"/predict", b"/predict/batch")
    extension = b"1;" + b"b" * 100_000 + b"\r\n \r\n"
    answer = exchange(service.port, head + b"%x\r\n%s\r\n%s0\r\n\r\n" % (len(lines), lines, extension))

    assert answer.startswith(b"HTTP/1.1 431")


def test_unknown_paths_do_not_fill_the_log(launch: Callable[..., Any]) -> None:
    service = launch("--log-lines-per-second", "1", environment={"SERVICE_LOG_URL": ""})
    requests, seconds = 1_000, time.monotonic()
    unknown = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 5_000)
    assert exchange(service.port, unknown * requests + b"GET /\r\n\r\n").count(b"HTTP/1.1 404") == requests
    seconds = time.monotonic() - seconds
    time.sleep(1.1)
    service.ask("GET", "/health/live")
    lines = [json.loads(line) for line in service.stop() if '"request"' in line]
    failed = [line for line in lines if line["status"] == 404]

    assert 1 <= len(failed) <= 10 * (seconds + 2)
    assert max(len(line["path"]) for line in failed) <= 200
    assert len(lines) + sum(line.get("requests_not_logged", 0) for line in lines) == requests + 2
