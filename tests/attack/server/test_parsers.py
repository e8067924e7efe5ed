"""Any bytes on a connection or in a body get an answer that fits, however they are cut."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import CONTRACT
from service.http.problem_details import Problem
from service.http.schemas import Prediction
from tests.service.conftest import Launched
from tests.service.http.test_fast_path import LONG, SHORT, answer_of, ask

VALID = json.dumps(CONTRACT.example).encode()
PIECES = [b"", b"NaN", b"-0", b"1e999", b"null", b"true", b'"', b"\\u0000", b"\xff", b"[" * 50, b"{}", b",", b" " * 99]
REQUEST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
PLAIN = REQUEST + b"Content-Length: %d\r\n\r\n%s" % (len(VALID), VALID)
CHUNKED = REQUEST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nA: b\r\n\r\n" % (len(VALID), VALID)
PARTS = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b": ",
    b" ",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\n",
    b"HTTP/1.0",
    b"HEAD",
    b"x" * 9_000,
    PLAIN,
]
fuzzed = settings(max_examples=300)


@st.composite
def mutated(draw: st.DrawFn, whole: bytes, pieces: list[bytes]) -> bytes:
    """Draw these bytes with some parts replaced."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(whole)))
        end = min(len(whole), start + draw(st.integers(0, 20)))
        whole = whole[:start] + draw(st.sampled_from(pieces) | st.binary(max_size=8)) + whole[end:]
    return whole


@fuzzed
@given(body=mutated(VALID, PIECES) | st.binary(max_size=99))
def test_any_body_is_answered_alike_on_the_fast_path_and_on_the_route(client: httpx2.Client, body: bytes) -> None:
    fast, route = ask(client, body, SHORT), ask(client, body, LONG)
    assert fast.status_code == route.status_code
    if fast.status_code == 200:
        assert Prediction.model_validate_json(fast.content)
        assert fast.json()["churn_probability"] == route.json()["churn_probability"]
    else:
        assert fast.status_code == 422
        assert answer_of(fast) == answer_of(route)


@pytest.fixture(scope="module")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    patient = {"SERVICE_LOG_URL": "", "SERVICE_MAX_TURN_SECONDS": "30"}
    launched = Launched(root, tmp_path_factory.mktemp("service") / "log", environment=patient)
    launched.wait()
    yield launched
    launched.stop()


@pytest.fixture(scope="module")
def client(service: Launched) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://localhost:{service.port}", timeout=30) as client:
        yield client


def exchange(port: int, sent: list[bytes]) -> bytes:
    """Send these parts, say that nothing more comes, and return all that is answered."""
    answer = b""
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 30) as connection:
        for part in sent:
            connection.sendall(part)
        connection.sendall(b"\r\n\r\nGET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" * 2)
        with suppress(OSError):  # it is closed already
            connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65_536):
            answer += part
    return answer


@fuzzed
@given(
    raw=st.sampled_from([PLAIN, CHUNKED]).flatmap(lambda whole: mutated(whole, PARTS)),
    cuts=st.lists(st.integers(1, 400), max_size=4),
)
def test_any_bytes_on_a_connection_are_answered_or_end_it(service: Launched, raw: bytes, cuts: list[int]) -> None:
    parts, at = [], 0
    for size in cuts:
        parts.append(raw[at : at + size])
        at += size
    for status, body in answers(exchange(service.port, [*parts, raw[at:]])):
        assert status < 500 or status in (501, 505)
        if status >= 400 and body:
            assert Problem.model_validate_json(body).status == status
    assert service.process.poll() is None


def answers(sent: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut what was answered into statuses and bodies; the answer to a HEAD names a length and has no body."""
    while sent:
        assert sent.startswith(b"HTTP/1.1 ")
        head, _, sent = sent.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        size = int(length[1]) if length and sent.startswith(b"{") else 0
        yield int(head.split()[1]), sent[:size]
        sent = sent[size:]


def test_the_service_is_whole_after_all_of_that(service: Launched) -> None:
    assert service.ask("POST", "/predict", VALID.decode())[0] == 200
    assert [line for line in service.lines() if '"level": "error"' in line] == []
