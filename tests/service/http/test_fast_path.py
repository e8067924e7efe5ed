"""The fast path and the route answer alike; `charset` in the media type keeps a request off the fast path."""

import asyncio
import json
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from models.bundles import pins
from models.features import CONTRACT
from service.access import keys_file
from service.http.fast_path import MOST_TOGETHER, FastPath
from service.model import model_router
from service.model.model_router import Challenger
from service.serving.inference import Inference
from tests.service.conftest import Launched
from tests.service.log_pages import logged

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
HEADERS = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(VALID))]


@pytest.fixture(scope="module")
def served(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of a service in a process of its own: the server asks the fast path, a `TestClient` does not."""
    patient = {"SERVICE_LOG_URL": "", "SERVICE_MAX_TURN_SECONDS": "30"}
    launched = Launched(root, tmp_path_factory.mktemp("service") / "log", environment=patient)
    launched.wait()
    with httpx2.Client(base_url=f"http://localhost:{launched.port}", timeout=30) as client:
        yield client
    launched.stop()


@pytest.fixture
def client(start: Callable[..., Any], pinned: Any) -> Any:
    """A client of an app in this process, which does not shed on a slow machine."""
    return start(serving=pinned, max_turn_seconds=30)


def ask(client: Any, body: bytes, media_type: str) -> Any:
    return client.post("/predict", content=body, headers={"Content-Type": media_type, "X-Request-ID": "same"})


def answer_of(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    return answer.status_code, answer.content, {name: text for name, text in answer.headers.items() if name != "date"}


@pytest.mark.parametrize("body", UNUSUAL, ids=range(len(UNUSUAL)))
def test_what_is_wrong_is_said_byte_for_byte_alike(served: Any, body: bytes) -> None:
    short, long = ask(served, body, SHORT), ask(served, body, LONG)

    assert short.status_code in (413, 422)
    assert answer_of(short) == answer_of(long)


def test_without_a_model_both_ways_say_so_alike(launch: Callable[..., Launched], tmp_path: Any) -> None:
    service = launch("--models-dir", str(tmp_path), environment={"SERVICE_LOG_URL": ""})
    with httpx2.Client(base_url=f"http://localhost:{service.port}", timeout=30) as client:
        short, long = ask(client, VALID, SHORT), ask(client, VALID, LONG)

    assert short.status_code == 503
    assert answer_of(short) == answer_of(long)


def test_both_ways_predict_alike(served: Any, customers: list[dict[str, Any]]) -> None:
    own = {"prediction_id", "prediction_timestamp"}
    for customer in customers:
        short, long = (ask(served, json.dumps(customer).encode(), media_type) for media_type in (SHORT, LONG))
        assert short.status_code == long.status_code == 200
        assert short.headers.keys() == long.headers.keys()
        assert list(short.json()) == list(long.json())
        assert {k: v for k, v in short.json().items() if k not in own} == {
            k: v for k, v in long.json().items() if k not in own
        }


def test_whole_numbers_in_any_spelling_take_the_fast_path(client: Any) -> None:
    whole = {name: float(value) for name, value in CONTRACT.example.items() if type(value) is int}
    changed = CONTRACT.example | whole
    plain, spelled = answer_together(client, VALID, json.dumps(changed).encode())
    assert plain
    assert spelled
    assert plain["churn_probability"] == spelled["churn_probability"]


def test_a_compressed_body_and_a_byte_order_mark_are_answered_alike_by_the_server(served: Any) -> None:
    claims = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert served.post("/predict", content=VALID, headers=claims).status_code == 415
    assert ask(served, b"\xef\xbb\xbf" + VALID, SHORT).status_code == 200


def test_both_ways_count_alike(served: Any) -> None:
    def counted() -> dict[str, float]:
        lines = served.get("/metrics").text.splitlines()
        told = (line.rsplit(" ", 1) for line in lines if line.startswith(("churn_", "http_requests_total")))
        return {name: float(text) for name, text in told if "/metrics" not in name}

    def added(media_type: str) -> dict[str, float]:
        before = counted()
        ask(served, VALID, media_type)
        return {name: value - before[name] for name, value in counted().items() if value != before.get(name)}

    assert added(SHORT) == pytest.approx(added(LONG))
    assert added(SHORT)['http_requests_total{method="POST",route="/predict",status="200"}'] == 1


def request(state: dict[str, Any], **facts: Any) -> dict[str, Any]:
    usual = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": HEADERS}
    return usual | {"state": state.copy(), "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1)} | facts


class Waiting:
    """A request that keeps its answer; None if it was declined."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | None] = []

    def respond(self, headers: Any, body: bytes) -> None:
        assert (b"content-length", b"%d" % len(body)) in headers
        self.answers.append(json.loads(body))

    def decline(self) -> None:
        self.answers.append(None)

    def fail(self, error: Exception) -> None:
        self.answers.append({"fault": str(error)})


def answer_together(client: Any, *bodies: bytes) -> list[dict[str, Any] | None]:
    """Return the answers to requests that came in one turn of the event loop of the app."""
    fast_path: FastPath = client.app_state["fast_path"]
    requests = [(request(client.app_state), bytearray(body), Waiting()) for body in bodies]
    assert all(fast_path.begin(scope) for scope, _, _ in requests)

    async def add_all() -> None:
        for one in requests:
            fast_path.add(*one)
        await asyncio.sleep(0)

    client.portal.call(add_all)
    assert all(len(waiting.answers) == 1 for *_, waiting in requests)
    return [waiting.answers[0] for *_, waiting in requests]


def test_each_request_of_a_turn_gets_its_own_answer(client: Any, customers: list[dict[str, Any]]) -> None:
    many = customers[: 2 * MOST_TOGETHER + 5]
    together = answer_together(client, *(json.dumps(customer).encode() for customer in many))
    alone = client.post("/predict/batch", json={"customers": many}).json()["predictions"]

    probabilities = [prediction and prediction["churn_probability"] for prediction in together]
    assert probabilities == [prediction["churn_probability"] for prediction in alone]
    assert len({prediction and prediction["prediction_id"] for prediction in together}) == len(many)


def test_one_that_is_wrong_does_not_keep_the_others_from_their_answers(client: Any) -> None:
    first, wrong, last = answer_together(client, VALID, b"{", VALID)
    assert wrong is None
    assert first
    assert last


def test_a_fault_while_one_is_answered_does_not_keep_the_others_from_their_answers(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Waiting.respond

    def break_the_second(self: Waiting, headers: Any, body: bytes) -> None:
        met.append(self)
        if len(met) == 2:
            raise RuntimeError("a fault")
        answered(self, headers, body)

    met: list[Waiting] = []
    monkeypatch.setattr(Waiting, "respond", break_the_second)
    first, second, third = answer_together(client, VALID, VALID, VALID)
    assert second == {"fault": "a fault"}
    assert first
    assert third


def test_at_most_so_many_are_predicted_together(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[int] = []
    predict = Inference.predict

    def count(self: Inference, customers: Any, **facts: Any) -> Any:
        together.append(len(customers))
        return predict(self, customers, **facts)

    monkeypatch.setattr(Inference, "predict", count)
    answer_together(client, *[VALID] * (2 * MOST_TOGETHER + 1))
    assert together == [MOST_TOGETHER, MOST_TOGETHER, 1]


def test_what_comes_late_in_a_turn_is_left_to_the_app_which_sheds_it(start: Callable[..., Any], pinned: Any) -> None:
    client = start(serving=pinned, max_turn_seconds=1e-9)
    _, *others = answer_together(client, VALID, VALID, VALID)
    assert others == [None, None]


def test_a_canary_answers_its_share_of_a_turn(start: Callable[..., Any], pinned: Any) -> None:
    named = pins.Challenger(version="20260302-" + "5e" * 16, digest="0" * 64, mode="canary", share=0.5)
    client = start(serving=pinned, max_turn_seconds=30)
    other = replace(pinned, scorer=copy(pinned.scorer))
    other.scorer.version = named.version
    client.app_state["inference"].model.serve(pinned, Challenger(named, other))
    ids = [f"C-{number}" for number in range(20)]
    answers = answer_together(client, *(json.dumps(CONTRACT.example | {"customer_id": name}).encode() for name in ids))

    by_canary = [answer and answer["model_version"] == named.version for answer in answers]
    assert by_canary == [model_router.place(name, named.version) < 0.5 for name in ids]
    assert 0 < sum(map(bool, by_canary)) < len(ids)


def test_a_turn_is_logged_as_the_requests_that_it_had(start: Callable[..., Any], pinned: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    client = start(serving=pinned, log_url=url, output_dir=tmp_path, max_turn_seconds=30)
    told = [prediction and prediction["prediction_id"] for prediction in answer_together(client, VALID, VALID, VALID)]
    client.portal.call(client.app_state["inference"].log.close)

    assert [row[0] for row in logged(tmp_path)] == told
    assert sum(int(row[2] or 0) for row in logged(tmp_path, "traffic")) == len(told)


@pytest.mark.parametrize(
    "facts",
    [
        {"method": "PUT"},
        {"path": "/predict/batch"},
        {"query_string": b"explain=false"},
        {"headers": [*HEADERS[:1], (b"content-type", b"text/plain"), HEADERS[2]]},
        {"headers": HEADERS[:2]},
        {"headers": [*HEADERS[:2], (b"content-length", b"16385")]},
        {"headers": [*HEADERS, (b"origin", b"https://example.com")]},
        {"headers": [*HEADERS, (b"expect", b"100-continue")]},
        {"headers": [*HEADERS, (b"content-encoding", b"gzip")]},
        {"headers": [(b"host", b"rebound.example.com"), *HEADERS[1:]]},
    ],
    ids=str,
)
def test_any_other_head_is_left_to_the_routes(client: Any, facts: dict[str, Any]) -> None:
    assert not client.app_state["fast_path"].begin(request(client.app_state, **facts))


def test_a_body_with_a_fault_is_left_to_the_route(client: Any) -> None:
    assert answer_together(client, b"{") == [None]


def test_a_service_that_ends_leaves_it_to_the_route_which_says_so(client: Any) -> None:
    client.app_state["lifecycle"].draining = True
    assert answer_together(client, VALID) == [None]


def test_a_fault_of_the_model_is_left_to_the_route_which_reports_it(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(type(client.app_state["inference"]), "predict", fail)
    assert answer_together(client, VALID, VALID) == [None, None]


def test_a_key_that_is_expired_or_for_something_else_is_left_to_the_app(
    start: Callable[..., Any], pinned: Any, tmp_path: Path
) -> None:
    path = tmp_path / "keys.toml"
    ended = datetime.now(UTC) - timedelta(seconds=1)
    keys = [keys_file.add(path, "old", ["predict"], ended), keys_file.add(path, "crm", ["outcomes"], None)]
    client = start(serving=pinned, keys_file=path)
    for key in (*keys, "unknown"):
        scope = request(client.app_state, headers=[*HEADERS, (b"x-api-key", key.encode())])
        assert not client.app_state["fast_path"].begin(scope)


def test_limited_strangers_and_the_operators_port_are_left_to_the_app(start: Callable[..., Any], pinned: Any) -> None:
    limited, operated = start(serving=pinned, requests_per_second=100), start(serving=pinned, ops_port=8003)
    assert not limited.app_state["fast_path"].begin(request(limited.app_state))
    at_its_port = request(operated.app_state, server=("127.0.0.1", 8003))
    assert not operated.app_state["fast_path"].begin(at_its_port)
    assert operated.app_state["fast_path"].begin(request(operated.app_state))


def test_what_the_guard_refuses_by_the_head_is_refused_by_the_app_and_taken_once(
    start: Callable[..., Any], pinned: Any, tmp_path: Path
) -> None:
    key = keys_file.add(tmp_path / "keys.toml", "crm", ["predict"], None)
    client = start(serving=pinned, keys_file=tmp_path / "keys.toml", requests_per_second=2, rows_per_second=1)
    headers = [*HEADERS, (b"x-api-key", key.encode())]
    scopes = [request(client.app_state, headers=headers) for _ in range(3)]

    assert [client.app_state["fast_path"].begin(scope) for scope in scopes] == [True, False, False]
    assert "customers" in str(scopes[1]["state"]["admission"])
    assert "requests" in str(scopes[2]["state"]["admission"])
    for scope in scopes[1:]:
        sent: list[dict[str, Any]] = []
        client.portal.call(client.app, scope, None, partial(send_to, sent))
        assert sent[0]["status"] == 429


async def send_to(sent: list[dict[str, Any]], message: dict[str, Any]) -> None:
    sent.append(message)


def test_traced_requests_do_not_take_the_fast_path(start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.tracing.is_on", lambda: True)
    monkeypatch.setattr("service.http.tracing.config", dict)
    assert start().app_state["fast_path"] is None
