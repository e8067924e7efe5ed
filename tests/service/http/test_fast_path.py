"""The fast path and the route answer alike; `charset` in the media type keeps a request off the fast path."""

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from models.features import CONTRACT
from service.http.fast_path import TRACE, FastPath
from service.http.routes import PREDICT_ROUTE

SHORT, LONG = "application/json", "application/json; charset=utf-8"
VALID = json.dumps(CONTRACT.example).encode()
UNUSUAL = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"{}",
    VALID[:-1] + b',"invented":1}',
    *(json.dumps(CONTRACT.example | {CONTRACT.names[0]: wrong}).encode() for wrong in (-1e300, float("nan"), "4")),
    b"\xff\xfe" + VALID,
    VALID.ljust(16_385),
]


def ask(client: Any, body: bytes, media_type: str) -> Any:
    return client.post("/predict", content=body, headers={"Content-Type": media_type, "X-Request-ID": "same"})


def answer_of(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    return answer.status_code, answer.content, dict(answer.headers)


@pytest.mark.parametrize("body", UNUSUAL, ids=range(len(UNUSUAL)))
def test_what_is_wrong_is_said_byte_for_byte_alike(client: Any, body: bytes) -> None:
    short, long = ask(client, body, SHORT), ask(client, body, LONG)

    assert short.status_code in (413, 422)
    assert answer_of(short) == answer_of(long)


def test_without_a_model_both_ways_say_so_alike(start: Callable[..., Any], tmp_path: Any) -> None:
    client = start(models_dir=tmp_path)
    short, long = ask(client, VALID, SHORT), ask(client, VALID, LONG)

    assert short.status_code == 503
    assert answer_of(short) == answer_of(long)


def test_both_ways_predict_alike(client: Any, customers: list[dict[str, Any]]) -> None:
    own = {"prediction_id", "prediction_timestamp"}
    for customer in customers:
        short, long = (ask(client, json.dumps(customer).encode(), media_type) for media_type in (SHORT, LONG))
        assert short.status_code == long.status_code == 200
        assert short.headers.keys() == long.headers.keys()
        assert list(short.json()) == list(long.json())
        assert {k: v for k, v in short.json().items() if k not in own} == {
            k: v for k, v in long.json().items() if k not in own
        }


def test_both_ways_count_alike(start: Callable[..., Any], pinned: Any) -> None:
    def count(media_type: str) -> set[str]:
        client = start(serving=pinned)
        ask(client, VALID, media_type)
        lines = client.get("/metrics").text.splitlines()
        return {line for line in lines if line.startswith(("churn_", "http_requests_total"))}

    assert count(SHORT) == count(LONG)
    assert any('route="/predict",status="200"} 1.0' in line for line in count(SHORT))


class Behind:
    """Remembers what it was passed."""

    def __init__(self) -> None:
        self.body = b""
        self.called = False

    async def __call__(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        self.called, more = True, True
        while more:
            message = await receive()
            self.body += message["body"]
            more = message["more_body"]


async def pass_through(state: dict[str, Any], chunks: list[bytes], **scope: Any) -> tuple[Behind, list[Message]]:
    sent: list[Message] = []
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages[-1]["more_body"] = False

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    behind = Behind()
    headers = [(b"content-type", b"application/json")]
    usual = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": headers}
    request = {**usual, "state": state, **scope}
    await FastPath(behind, path="/predict", route=PREDICT_ROUTE, max_body_bytes=1000)(request, receive, send)
    return behind, sent


def test_a_plain_prediction_never_reaches_the_routes(client: Any) -> None:
    behind, (start, body) = anyio.run(pass_through, client.app_state, [VALID])

    assert not behind.called
    assert start["status"] == 200
    assert 0 <= json.loads(body["body"])["churn_probability"] <= 1


@pytest.mark.parametrize(
    ("chunks", "scope"),
    [
        ([VALID[:20], VALID[20:]], {}),
        ([b"{"], {}),
        ([VALID.ljust(1001)], {}),
        ([VALID], {"method": "PUT"}),
        ([VALID], {"path": "/predict/batch"}),
        ([VALID], {"query_string": b"explain=false"}),
        ([VALID], {"headers": [(b"content-type", b"text/plain")]}),
        ([VALID], {TRACE: object()}),
    ],
)
def test_anything_else_is_passed_on_whole(client: Any, chunks: list[bytes], scope: dict[str, Any]) -> None:
    behind, sent = anyio.run(lambda: pass_through(client.app_state, chunks, **scope))

    assert behind.body == b"".join(chunks)
    assert sent == []
