"""HTTPS: what works, and what hurts nobody."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from demo.running_service import free_port
from models.features import CONTRACT
from service.server import tls
from tests.attack.server.test_connections import metric_in
from tests.certificates import make_certificate
from tests.service.conftest import Launched
from tests.waiting import wait_until

BODY = json.dumps(CONTRACT.example)


class Secured(Launched):
    """A service with a certificate, asked by a client that verifies it."""

    trusted: ssl.SSLContext

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=self.trusted)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        status, text = answer.status, answer.read().decode()
        connection.close()
        return status, text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[Secured]:
    flags = ["--tls-certificate", str(certificate[0]), "--tls-key", str(certificate[1])]
    environment = {"SERVICE_LOG_URL": "", "SERVICE_MAX_TURN_SECONDS": "10"}
    launched = Secured(root, tmp_path_factory.mktemp("service") / "log", *flags, environment=environment)
    launched.trusted = ssl.create_default_context(cafile=certificate[0])
    launched.wait()
    yield launched
    launched.stop()


def test_a_client_that_verifies_the_certificate_gets_predictions(service: Secured) -> None:
    assert service.ask("POST", "/predict", BODY)[0] == 200
    batch = json.dumps({"customers": [CONTRACT.example] * 5_000})  # many times the buffers of TLS, in both directions
    status, answer = service.ask("POST", "/predict/batch", batch)
    assert (status, len(json.loads(answer)["predictions"])) == (200, 5_000)
    assert f"https://localhost:{service.port}/docs" in "".join(service.lines())
    with pytest.raises(ssl.SSLCertVerificationError):
        http.client.HTTPSConnection("localhost", service.port, context=ssl.create_default_context()).connect()


def test_the_operators_port_speaks_plain_http_with_two_workers(
    root: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    ops = free_port()
    flags = ["--tls-certificate", str(certificate[0]), "--tls-key", str(certificate[1]), "--workers", "2"]
    launched = Secured(root, tmp_path / "log", *flags, "--ops-port", str(ops), environment={"SERVICE_LOG_URL": ""})
    launched.trusted = ssl.create_default_context(cafile=certificate[0])
    try:
        launched.wait()
        wait_until(lambda: "".join(launched.lines()).count("Application startup complete") == 2, seconds=60)
        for _ in range(8):  # of either worker
            assert launched.ask("POST", "/predict", BODY)[0] == 200
            with closing(http.client.HTTPConnection("127.0.0.1", ops, timeout=30)) as connection:
                connection.request("GET", "/health/live")
                assert connection.getresponse().status == 200
        with pytest.raises(ssl.SSLError):
            http.client.HTTPSConnection("localhost", ops, timeout=30, context=launched.trusted).connect()
        with closing(http.client.HTTPConnection("127.0.0.1", launched.port, timeout=30)) as connection:
            connection.request("GET", "/health/live")
            with pytest.raises((http.client.BadStatusLine, ConnectionError)):
                connection.getresponse()
    finally:
        launched.stop()


def begin_tls(service: Secured) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", service.port), timeout=20)
    return service.trusted.wrap_socket(plain, server_hostname="localhost")


def test_old_versions_of_tls_are_refused(service: Secured) -> None:
    with begin_tls(service) as secured:
        assert secured.version() in ("TLSv1.2", "TLSv1.3")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    plain = socket.create_connection(("127.0.0.1", service.port), timeout=10)
    with plain, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(plain)


def test_plain_http_and_endless_handshakes_hold_up_nobody(service: Secured) -> None:
    before = metric_in(service.ask("GET", "/metrics")[1], 'http_connections_cut_total{reason="handshake"}')
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", service.port))) for _ in range(50)]
        for connection in silent[:25]:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")  # begins a handshake
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=20))
        plain.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with suppress(ConnectionError):
            assert not plain.recv(100).startswith(b"HTTP")
        began = time.monotonic()
        assert service.ask("POST", "/predict", BODY)[0] == 200
        assert time.monotonic() - began < 4
        for connection in silent:
            connection.settimeout(20)
            with suppress(ConnectionError):
                assert connection.recv(100) == b""
    after = metric_in(service.ask("GET", "/metrics")[1], 'http_connections_cut_total{reason="handshake"}')
    assert after - before == len(silent) + 1
    assert not any('"level": "error"' in line for line in service.lines())


def test_a_refusal_reaches_the_client(service: Secured) -> None:
    with begin_tls(service) as secured:
        with suppress(OSError):
            secured.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 100_000)
        answer = b""
        while part := secured.recv(65_536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 431")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 431


def test_a_wrong_certificate_is_told_with_the_setting(
    root: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    public, key = map(str, certificate)
    (tmp_path / "other").mkdir()
    other = str(make_certificate(tmp_path / "other")[1])
    missing = str(tmp_path / "missing.pem")
    assert "set SERVICE_TLS_KEY, too" in (tls.find_problem(Path(public), None) or "")
    assert f"{other}: this is not the key of {public}" in (tls.find_problem(Path(public), Path(other)) or "")
    assert "this is not a key in PEM form" in (tls.find_problem(Path(public), Path(public)) or "")
    assert "this is not a certificate in PEM form" in (tls.find_problem(Path(key), Path(key)) or "")

    command = [sys.executable, "-m", "service", "--tls-certificate", missing, "--tls-key", key]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    told = f"{missing}: No such file or directory; correct SERVICE_TLS_CERTIFICATE, or make the file readable\n"
    assert (ended.returncode, ended.stderr) == (2, told)
