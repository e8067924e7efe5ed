"""Receivers of notices that lie, stall or never end, names that change their address, and processes that are killed."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.features import CONTRACT
from monitoring import webhook
from monitoring.notices import background, outbox
from monitoring.notices.delivery import Webhook
from monitoring.notices.errors import AddressRefused, HostUnknown, NoAnswer, NotDelivered, Rejected
from monitoring.notices.sender import Sender
from monitoring.runs import run_store
from tests import webhook_receiver
from tests.waiting import wait_until
from tests.webhook_receiver import PATH, SECRET, Receiver

PATIENCE_SECONDS = 60
HTTP_SECONDS = 1.0
"""Time limit of a delivery in these tests."""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver.receiving() as receiver:
        yield receiver


def deliver(url: str, **options: Any) -> None:
    hook = Webhook(webhook.parse_endpoint(url), **{"allow_private": True, "total_seconds": HTTP_SECONDS, **options})
    hook.deliver("msg_1", b"{}", now=NOW)


def answers(*addresses: str) -> Callable[..., Any]:
    """A name service that gives another of these addresses each time."""
    left = list(addresses)
    return lambda _, port, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (left.pop(0), port))]


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen, and let `talk` speak to whoever connects, until the client hangs up; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(PATIENCE_SECONDS)
                    connection.recv(65_536)
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread if nobody came
        thread.join()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(receiver: Receiver, status: int) -> None:
    with webhook_receiver.receiving() as other:
        receiver.answer_with(status, Location=other.url)
        with pytest.raises(Rejected, match="Redirects are not followed"):
            deliver(receiver.url)
        assert (len(receiver.received), other.received) == (1, [])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]", "[::ffff:127.0.0.1]"],
)
def test_no_spelling_of_this_machine_is_connected_to(receiver: Receiver, host: str) -> None:
    with pytest.raises((AddressRefused, HostUnknown)):
        deliver(f"https://{host}:{receiver.port}/x", allow_private=False)
    with pytest.raises((AddressRefused, HostUnknown)):
        deliver(f"http://{host}:{receiver.port}/x", allow_private=False)
    assert receiver.received == []


def test_a_name_that_changes_its_address_after_the_check_leads_to_the_checked_one(receiver: Receiver) -> None:
    dialled = []

    def dial(address: Any, _: float) -> socket.socket:
        dialled.append(address.ip)
        raise ConnectionRefusedError

    lookup = answers("1.1.1.1", "127.0.0.1")
    url = f"http://hooks.test:{receiver.port}/x"
    with pytest.raises(NoAnswer):
        deliver(url, allow_private=False, lookup=lookup, dial=dial)
    with pytest.raises(AddressRefused):  # the next delivery looks again
        deliver(url, allow_private=False, lookup=lookup, dial=dial)
    assert (dialled, receiver.received) == (["1.1.1.1"], [])


def test_the_name_is_looked_up_once_and_the_checked_address_is_that_of_the_connection(receiver: Receiver) -> None:
    lookup = answers("127.0.0.1", "192.0.2.1")
    deliver(f"http://hooks.test:{receiver.port}/x", lookup=lookup)
    assert receiver.received[0].headers["Host"] == f"hooks.test:{receiver.port}"


def test_a_proxy_in_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook_receiver.receiving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        deliver(receiver.url)
        assert (len(receiver.received), proxy.received) == (1, [])


def say_for_ever(*words: bytes, pause_seconds: float = 0) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        for word in words[:-1]:
            connection.sendall(word)
        while True:
            connection.sendall(words[-1])
            time.sleep(pause_seconds)

    return talk


OK = b"HTTP/1.1 200 OK\r\n\r\n"
STALLING = {
    "silent": lambda connection: connection.recv(1),
    "a status line without an end": say_for_ever(b"HTTP/1.1 200 ", b"O", pause_seconds=0.05),
    "headers one letter at a time": say_for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause_seconds=0.05),
    "continue for ever": say_for_ever(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers for ever": say_for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "a header without an end": say_for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000),
}


@pytest.mark.parametrize("talk", STALLING.values(), ids=STALLING.keys())
def test_an_answer_without_an_end_is_given_up_in_time(talk: Callable[[socket.socket], None]) -> None:
    began = time.monotonic()
    with talking(talk) as url, pytest.raises(NoAnswer):
        deliver(url)
    assert time.monotonic() - began < 20 * HTTP_SECONDS  # a stalled answer would last until the receiver's time-out


@pytest.mark.parametrize("pause_seconds", [0, 0.05])
def test_a_body_without_an_end_is_a_delivery(pause_seconds: float) -> None:
    with talking(say_for_ever(OK, b"x" * 10, pause_seconds=pause_seconds)) as url:
        deliver(url)


@pytest.mark.parametrize(
    "answer", [b"", b"\x16\x03\x01\x02", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 99999 x\r\n\r\n"]
)
def test_what_is_not_http_is_no_delivery(answer: bytes) -> None:
    with talking(lambda connection: connection.sendall(answer)) as url, pytest.raises(NotDelivered):
        deliver(url)


def test_plain_text_where_tls_was_expected_is_no_delivery(receiver: Receiver) -> None:
    with pytest.raises(NoAnswer):
        deliver(receiver.url.replace("http:", "https:"))
    assert receiver.received == []


def test_a_tls_handshake_without_an_end_is_given_up_in_time() -> None:
    began = time.monotonic()
    with talking(say_for_ever(b"\x16\x03\x03\x40\x00", b"\x02", pause_seconds=0.05)) as url, pytest.raises(NoAnswer):
        deliver(url.replace("http:", "https:"))
    assert time.monotonic() - began < 20 * HTTP_SECONDS


def test_a_receiver_that_never_answers_delays_neither_the_monitor_nor_its_end(
    receiver: Receiver, shelf: Path, tmp_path: Path
) -> None:
    receiver.go_on.clear()
    sender = Sender(
        Webhook(webhook.parse_endpoint(receiver.url), allow_private=True),
        tmp_path / "var",
        shelf,
        CONTRACT,
        timedelta(days=1),
    )
    run_store.write({"exit_code": 1}, sender.output_dir, "drift", datetime.now(UTC))
    began = time.monotonic()
    with background.sending(sender) as look:
        look()
        wait_until(lambda: receiver.received)
    assert time.monotonic() - began < sender.webhook.total_seconds
    began = time.monotonic()
    background.send_for(sender, 0.5)
    assert time.monotonic() - began < sender.webhook.total_seconds
    receiver.go_on.set()


def test_a_process_that_is_killed_while_it_sends_loses_nothing(
    root: Path, receiver: Receiver, shelf: Path, tmp_path: Path
) -> None:
    output = tmp_path / "var"
    run_store.write({"exit_code": 1}, output, "drift", datetime.now(UTC))
    command = [sys.executable, "-m", "monitoring", "notify", "--output-dir", str(output), "--models-dir", str(shelf)]
    settings = {"URL": receiver.url, "SECRET": SECRET, "ALLOW_PRIVATE": "true"}
    environment = os.environ | {f"MONITORING_WEBHOOK_{name}": value for name, value in settings.items()}

    receiver.go_on.clear()
    with subprocess.Popen(command, cwd=root, env=environment) as process:
        wait_until(lambda: receiver.received, PATIENCE_SECONDS)
        process.kill()
    receiver.go_on.set()
    said = []

    def delivered() -> bool:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        said.append(done.stdout + done.stderr)
        return done.returncode == 0

    wait_until(delivered, PATIENCE_SECONDS)
    left = outbox.read(output)
    assert left
    assert (left.waiting, left.lost_notices_total) == ([], 0)
    assert receiver.told == [("drift.found", "firing")] * 2
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert not [secret for secret in (PATH, SECRET) if secret in "".join(said) + outbox.path(output).read_text()]
