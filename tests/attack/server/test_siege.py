"""A service with keys under a siege: malformed requests, floods and kills, while paying clients predict.

Every one of their predictions is counted in and out: what was answered is stored once, but for the last seconds of a
worker that was killed.
"""

import http.client
import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.features import CONTRACT
from models.keys import SCOPES
from service.access import keys_file
from service.http.problem_details import Problem
from tests.service.conftest import Launched
from tests.service.load import Load
from tests.service.log.test_log_faults import children_of, ids_in
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts memory and processes in /proc"),
]

LEAST_PREDICTIONS = 15_000
FLOOD_SECONDS, FLOOD_CLIENTS = 1.0, 4
MOST_GROWTH_BYTES = 150e6
LOST_SECONDS = 2.0
"""Rows are written every half second, by a thread that four clients keep from the core; one second is usual only."""
EXAMPLE = json.dumps(CONTRACT.example)
FIRST = CONTRACT.names[0]
PATHS = ("/predict", "/predict/batch", "/outcomes", "/outcomes/batch")
BODIES = {
    "nothing": b"",
    "blanks": b" " * 16_000,
    "null": b"null",
    "a number": b"1",
    "a text": b'"x"',
    "a list": b"[]",
    "an empty object": b"{}",
    "an open object": b"{",
    "half of a customer": EXAMPLE[: len(EXAMPLE) // 2].encode(),
    "two customers": (EXAMPLE + EXAMPLE).encode(),
    "a customer and more": (EXAMPLE + "x").encode(),
    "single quotes": EXAMPLE.replace('"', "'").encode(),
    "a comment": (EXAMPLE + "// x").encode(),
    "a comma too many": EXAMPLE.replace("}", ",}").encode(),
    "a form": b"tenure_months=1",
    "NaN": b'{"customers": [{"%s": NaN}]}' % FIRST.encode(),
    "infinity": b'{"customers": [{"%s": Infinity}], "outcomes": -Infinity}' % FIRST.encode(),
    "a number beyond all": b'{"%s": 1e999}' % FIRST.encode(),
    "a very long number": b'{"%s": %s}' % (FIRST.encode(), b"9" * 10_000),
    "an octal number": b'{"%s": 010}' % FIRST.encode(),
    "a very long text": json.dumps({FIRST: "x" * 15_000}).encode(),
    "a very long name": json.dumps({"x" * 15_000: 1}).encode(),
    "a thousand names": json.dumps({f"x{number}": number for number in range(1_000)}).encode(),
    "lists in lists": b"[" * 15_000,
    "objects in objects": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    "customers in lists": b'{"customers": ' + b"[" * 7_000 + b"]" * 7_000 + b"}",
    "no UTF-8": b'{"\xff": 1}',
    "UTF-16": EXAMPLE.encode("utf-16"),
    "zero bytes": b"\x00" * 1_000,
    "half of a surrogate": b'{"\\ud800": "\\udfff"}',
    "SQL": json.dumps({"prediction_id": "' OR 1=1 --", "churned": True, "observed_at": "now"}).encode(),
    "a prototype": b'{"__proto__": {"churned": true}, "constructor": 1}',
}


@dataclass
class Besieged:
    """A running service, its folder, and a key for it."""

    service: Launched
    folder: Path
    key: str
    made: list[str] = field(default_factory=list)
    """Ids of the predictions that `predict` got."""

    @property
    def url(self) -> str:
        """URL of its prediction log."""
        return f"sqlite:///{self.folder / 'log.db'}"

    def ask(self, path: str, body: bytes, key: str, media_type: str = "application/json") -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)) as connection:
            connection.request("POST", path, body, {"Content-Type": media_type, "X-API-Key": key})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def predict(self) -> None:
        status, answer = self.ask("/predict", EXAMPLE.encode(), self.key)
        assert status == 200
        self.made.append(json.loads(answer)["prediction_id"])

    def children(self, word: str) -> list[int]:
        """List its processes with this word in their command."""
        return [child for child in children_of(self.service.process.pid) if word in command_of(child)]


@pytest.fixture(scope="module")
def besieged(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    folder = tmp_path_factory.mktemp("siege")
    key = keys_file.add(folder / "keys.toml", "crm", SCOPES, None)
    flags = ["--output-dir", str(folder), "--log-url", f"sqlite:///{folder / 'log.db'}", "--workers", "2"]
    patience = {"SERVICE_MAX_TURN_SECONDS": "30"}
    service = Launched(root, folder / "log", *flags, "--keys-file", str(folder / "keys.toml"), environment=patience)
    service.wait()
    yield Besieged(service, folder, key)
    if service.process.poll() is None:
        service.stop()


@pytest.mark.parametrize("path", PATHS)
def test_a_malformed_body_is_refused_in_the_one_shape_and_harms_nobody(besieged: Besieged, path: str) -> None:
    """Four paths with 32 bodies each."""
    for name, body in BODIES.items():
        status, answer = besieged.ask(path, body, besieged.key)
        assert 400 <= status < 500, (name, answer)
        assert Problem.model_validate_json(answer).status == status
        assert besieged.ask(path, body, "no key")[0] == 401
    besieged.predict()


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/xml", "application/json\x80", "x" * 5_000])
def test_a_body_of_another_kind_is_refused(besieged: Besieged, media_type: str) -> None:
    for path in PATHS:
        assert besieged.ask(path, EXAMPLE.encode(), besieged.key, media_type)[0] == 415


def flood(send: Callable[[socket.socket], None]) -> Callable[[int], int]:
    """Return a client that connects, sends and leaves for a second; it returns how often."""

    def run(port: int) -> int:
        end, number = time.monotonic() + FLOOD_SECONDS, 0
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
                send(connection)
                number += 1
        return number

    return run


def request(path: str, *headers: str, body: bytes = b"", method: str = "POST") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def exchange(connection: socket.socket, sent: bytes, times: int = 50) -> None:
    for _ in range(times):
        connection.sendall(sent)
        connection.recv(65_536)


def guess_keys(connection: socket.socket) -> None:
    for _ in range(50):
        exchange(connection, request("/predict", f"X-API-Key: {random.random()}", body=EXAMPLE.encode()), 1)  # noqa: S311


FLOODS: dict[str, Callable[[socket.socket], None]] = {
    "connections that say nothing": lambda _connection: None,
    "half a request": lambda connection: connection.sendall(b"POST /predict HTTP/1.1\r\nHost: loc"),
    "half a body": lambda connection: connection.sendall(request("/predict", body=EXAMPLE.encode())[:-9]),
    "no key": lambda connection: exchange(connection, request("/predict", body=EXAMPLE.encode())),
    "guessed keys": guess_keys,
    "unknown paths": lambda connection: exchange(connection, request(f"/{'x' * 1_000}", method="GET")),
    "unknown methods": lambda connection: exchange(connection, request("/predict", method="DELETE")),
    "probes": lambda connection: exchange(connection, request("/health/ready", method="GET")),
    "pages": lambda connection: exchange(connection, request("/docs", method="GET")),
    "large bodies without a key": lambda connection: exchange(
        connection, request("/predict/batch", body=b"[" * 100_000), 5
    ),
    "many requests at once": lambda connection: exchange(connection, request("/predict") * 50, 5),
    "no HTTP": lambda connection: exchange(connection, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 1),
}


def resident_bytes(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text()
    return 1024 * float(status.partition("VmRSS:")[2].split()[0])


def test_readme_says_how_many_there_are(root: Path) -> None:
    said = (root / "README.md").read_text().replace("\n", " ")
    assert f"with {len(PATHS) * len(BODIES)} malformed bodies, twelve floods, and kills" in said
    assert len(FLOODS) == 12


def test_floods_and_kills_cost_paying_clients_nothing(besieged: Besieged) -> None:
    port, workers = besieged.service.port, besieged.children("spawn")
    before = {worker: resident_bytes(worker) for worker in workers}

    with Load.on(port, clients=4, key=besieged.key) as load, ThreadPoolExecutor(FLOOD_CLIENTS) as attackers:
        for name, send in FLOODS.items():
            assert sum(attackers.map(flood(send), [port] * FLOOD_CLIENTS)) > 0, name
        wait_until(lambda: len(load.answers) >= LEAST_PREDICTIONS, 240)
        assert all(resident_bytes(worker) - before[worker] < MOST_GROWTH_BYTES for worker in workers)
        [shipper] = besieged.children("shipper")
        os.kill(shipper, signal.SIGKILL)
    assert load.lost == []
    assert {status for status, _ in load.answers} == {200}

    with Load.on(port, clients=4, key=besieged.key) as after:
        wait_until(lambda: len(after.answers) > 500, 60)
        killed_at = time.time()
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: len(set(besieged.children("spawn")) - {workers[0]}) == 2, 60)
    besieged.service.stop(signal.SIGTERM)

    answered = [*besieged.made, *(body["prediction_id"] for _, body in (*load.answers, *after.answers))]
    stored = ids_in(besieged.url)
    assert len(stored) == len(set(stored))
    lost_at = [time_of(identity) for identity in set(answered) - set(stored)]
    assert min(lost_at, default=killed_at) >= killed_at - LOST_SECONDS
    assert len(set(stored) - set(answered)) <= len(after.lost)  # the worker was killed before it could answer


def time_of(prediction_id: str) -> float:
    """Return when a prediction was made, in seconds since 1970."""
    return int(prediction_id[:12], 16) / 1000


def command_of(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return ""
