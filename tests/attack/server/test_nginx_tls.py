"""`deploy/nginx-tls.conf` with Debian's nginx in front of a real service."""

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.running_service import free_port
from models.features import CONTRACT
from tests.certificates import make_certificate
from tests.service.conftest import Launched
from tests.waiting import is_listening, wait_until

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
BODY_SECONDS = 2
JSON = {"Content-Type": "application/json"}


class Proxy:
    """nginx on a free port, with the file as it is but for addresses, files and the time for a body."""

    def __init__(self, root: Path, folder: Path, upstream: int) -> None:
        certificate, key = make_certificate(folder)
        self.port, self.plain_port = free_port(), free_port()
        self.trusted = ssl.create_default_context(cafile=certificate)
        text = (root / "deploy" / "nginx-tls.conf").read_text()
        for found, own in (
            ("listen 443 ", f"listen 127.0.0.1:{self.port} "),
            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
            ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
            ("churn.example.org", "localhost"),
            ("/etc/ssl/churn/fullchain.pem", str(certificate)),
            ("/etc/ssl/churn/privkey.pem", str(key)),
            ("/tmp/nginx-tls", str(folder / "nginx")),  # noqa: S108  # in the file
            ("client_body_timeout 10s", f"client_body_timeout {BODY_SECONDS}s"),
            ("worker_processes auto", "worker_processes 1"),
        ):
            assert found in text
            text = text.replace(found, own)
        (folder / "nginx.conf").write_text(text)
        command = [str(NGINX), "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(lambda: is_listening(self.port), seconds=30)

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, timeout=30, context=self.trusted)


@pytest.fixture(scope="module")
def proxy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    environment = {"SERVICE_LOG_URL": "", "SERVICE_MAX_TURN_SECONDS": "10"}
    service = Launched(root, tmp_path_factory.mktemp("service") / "log", environment=environment)
    service.wait()
    proxy = Proxy(root, tmp_path_factory.mktemp("nginx"), service.port)
    yield proxy
    proxy.process.terminate()
    proxy.process.wait(timeout=30)
    service.stop()


def test_a_prediction_goes_through_and_browsers_are_told_to_stay_with_https(proxy: Proxy) -> None:
    connection = proxy.connect()
    connection.request("POST", "/predict", json.dumps(CONTRACT.example), JSON)
    answer = connection.getresponse()
    assert answer.status == 200
    assert 0 < json.load(answer)["churn_probability"] < 1
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    connection.close()

    plain = http.client.HTTPConnection("127.0.0.1", proxy.plain_port, timeout=30)
    plain.request("POST", "/predict", json.dumps(CONTRACT.example), JSON | {"Host": "localhost"})
    moved = plain.getresponse()
    assert (moved.status, moved.headers["Location"]) == (308, "https://localhost/predict")
    plain.close()


def test_a_flood_gets_429_in_the_form_of_all_errors(proxy: Proxy) -> None:
    def ask(_: int) -> list[tuple[int, str | None, bytes]]:
        connection, answers = proxy.connect(), []
        for _ in range(250):
            connection.request("GET", "/health/live")
            answer = connection.getresponse()
            answers.append((answer.status, answer.headers["Retry-After"], answer.read()))
        connection.close()
        return answers

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for found in pool.map(ask, range(4)) for answer in found]
    assert set(Counter(status for status, _, _ in answers)) == {200, 429}
    refused = next(answer for answer in answers if answer[0] == 429)
    assert refused[1] == "1"
    assert json.loads(refused[2])["status"] == 429
    wait_until(lambda: ask_once(proxy) == 200)


def ask_once(proxy: Proxy) -> int:
    connection = proxy.connect()
    connection.request("GET", "/health/live")
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_slow_body_is_cut_off(proxy: Proxy) -> None:
    wait_until(lambda: ask_once(proxy) == 200)
    plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=30)
    with proxy.trusted.wrap_socket(plain, server_hostname="localhost") as slow:
        began = time.monotonic()
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        slow.sendall(b"Content-Length: 100\r\n\r\n{")
        while slow.recv(65_536):
            pass
        assert BODY_SECONDS - 1 < time.monotonic() - began < BODY_SECONDS + 15
    assert ask_once(proxy) == 200
