"""Requests that the fast path answers in the connection itself, among others that the app answers."""

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.server import ServerState

from service.server.connection import Connection
from tests.attack.one_connection import CONFIG, METRICS, TURNS, Wire, app

HEAD = b"POST /at-once HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
AT_ONCE = HEAD + b"\r\nhello"
LATER = HEAD + b"\r\nlater"
BY_THE_APP = AT_ONCE.replace(b"/at-once", b"/app")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Echo:
    """Answers requests for one path with their body in capitals: `later` at the end of the turn, and `wrong` not."""

    def begin(self, scope: Any) -> bool:
        return bool(scope["path"] == "/at-once")

    def add(self, scope: Any, body: bytearray, exchange: Any) -> None:
        assert "added" not in scope, "a request is added once"
        scope["added"] = True
        respond = partial(exchange.respond, [(b"content-length", b"%d" % len(body))], bytes(body.upper()))
        if body == b"wrong":
            exchange.decline()
        elif body == b"later":
            asyncio.get_running_loop().call_soon(respond)
        else:
            respond()


class Exchange:
    """A connection with the fast path, and what came back."""

    def __init__(self) -> None:
        state = {"inference": SimpleNamespace(metrics=METRICS), "refuse": app, "fast_path": Echo()}
        server = ServerState()
        server.default_headers = [(b"date", b"today")]
        self.wire = Wire()
        self.connection = Connection(config=CONFIG, server_state=server, app_state=state)
        self.connection.connection_made(self.wire)

    def send(self, *parts: bytes) -> bytes:
        """Send these parts and return what is written before the loop has another turn."""
        for part in parts:
            self.connection.data_received(part)
        return self.take()

    async def later(self) -> bytes:
        """Return what is written in the next turns."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return self.take()

    def take(self) -> bytes:
        written, self.wire.written = self.wire.written, b""
        return written


async def test_an_answer_is_written_in_the_same_turn_with_the_servers_own_headers() -> None:
    exchange = Exchange()
    answer = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 5\r\n\r\nHELLO"

    assert exchange.send(AT_ONCE) == exchange.send(AT_ONCE) == answer
    assert not exchange.connection.tasks
    exchange.connection.server_state.default_headers = [(b"date", b"tomorrow")]
    assert b"date: tomorrow" in exchange.send(AT_ONCE)


async def test_a_body_may_come_later_and_in_parts() -> None:
    exchange = Exchange()
    assert exchange.send(AT_ONCE[:-5], b"hel") == await exchange.later() == b""
    assert exchange.send(b"lo").endswith(b"HELLO")


async def test_what_it_does_not_answer_the_app_answers() -> None:
    for request in (BY_THE_APP, AT_ONCE.replace(b"hello", b"wrong")):
        exchange = Exchange()
        assert exchange.send(request) == b""
        assert b"{}" in await exchange.later()


async def test_a_connection_closes_after_the_answer_if_the_client_says_so() -> None:
    exchange = Exchange()
    answer = exchange.send(HEAD + b"Connection: close\r\n\r\nhello")
    assert b"connection: close" in answer
    assert answer.endswith(b"HELLO")
    assert exchange.wire.is_closed


async def test_a_server_that_shuts_down_sends_what_is_awaited_and_closes() -> None:
    exchange = Exchange()
    assert exchange.send(LATER) == b""
    exchange.connection.shutdown()
    assert b"connection: close" in (answer := await exchange.later())
    assert answer.endswith(b"LATER")
    assert exchange.wire.is_closed


async def test_a_client_that_is_gone_is_not_answered() -> None:
    exchange = Exchange()
    exchange.send(LATER)
    exchange.wire.close()
    exchange.connection.connection_lost(None)
    assert await exchange.later() == b""


async def test_nothing_is_answered_before_an_earlier_request() -> None:
    exchange = Exchange()
    exchange.send(AT_ONCE + LATER + AT_ONCE + BY_THE_APP)
    answers = (await exchange.later()).split(b"HTTP/1.1 200 OK")[1:]
    assert [answer[-5:] for answer in answers[:2]] == [b"HELLO", b"LATER"]
    assert [b"{}" in answer for answer in answers[2:]] == [True, True]  # what had to wait is for the app
    assert exchange.send(AT_ONCE).endswith(b"HELLO")


async def test_a_client_that_does_not_read_is_not_answered_at_once() -> None:
    exchange = Exchange()
    exchange.connection.pause_writing()
    assert exchange.send(AT_ONCE) == await exchange.later() == b""
    exchange.connection.resume_writing()
    assert b"{}" in await exchange.later()


async def test_the_time_of_an_idle_connection_ends_with_the_first_bytes_of_the_next_request() -> None:
    exchange = Exchange()
    exchange.send(AT_ONCE)
    assert exchange.connection.idle_since is not None
    exchange.send(AT_ONCE + BY_THE_APP[:30])
    assert exchange.connection.idle_since is None


async def test_one_timer_closes_a_connection_that_is_idle_long_enough() -> None:
    exchange = Exchange()
    connection = exchange.connection
    exchange.send(AT_ONCE)
    timer = connection.timeout_keep_alive_task
    exchange.send(AT_ONCE, AT_ONCE[:-1])
    assert connection.timeout_keep_alive_task is timer is not None

    connection.timeout_keep_alive_handler()
    assert connection.timeout_keep_alive_task is None  # a request is on its way
    exchange.send(AT_ONCE[-1:])
    connection.timeout_keep_alive_handler()
    assert connection.timeout_keep_alive_task is not None  # too early
    assert connection.idle_since is not None
    connection.idle_since -= connection.timeout_keep_alive
    assert not exchange.wire.is_closed
    connection.timeout_keep_alive_handler()
    assert exchange.wire.is_closed
