"""What is sent again, when, and how often; with a real server that refuses, hangs up or stays silent."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from churn_client import (
    AnswerUnreadable,
    Client,
    ClientError,
    Outcome,
    Refused,
    Retries,
    TooManyRequests,
    Unavailable,
    Unreachable,
)
from churn_client.retries import Patience
from demo.running_service import free_port
from tests.clients.conftest import Connect
from tests.clients.scripted_server import LOST, Answer, ScriptedServer, ok, problem

PREDICTION = {
    "prediction_id": "1" * 32,
    "churn_probability": 0.5,
    "churn_prediction": True,
    "risk_tier": "medium",
    "model_version": "20260301-1a2b",
    "prediction_timestamp": "2026-03-01T00:00:00Z",
    "of_a_newer_service": 1,
}
OUTCOME = Outcome(prediction_id="1" * 32, churned=True, observed_at=datetime.now(UTC))
RECORDED = {
    "prediction_id": "1" * 32,
    "churned": True,
    "observed_at": "2026-03-02T00:00:00Z",
    "recorded_at": "2026-03-02T00:00:00Z",
}
FAST = Retries(times=3, within_seconds=20)
PREDICTING: dict[str, Callable[[Client], Any]] = {
    "predict": lambda client: client.predict({}),
    "explain": lambda client: client.explain({}),
    "predict_batch": lambda client: list(client.predict_batch([{}])),
    "explain_batch": lambda client: list(client.explain_batch([{}])),
}
OTHERS: dict[str, tuple[Callable[[Client], Any], Any]] = {
    "report_outcome": (lambda client: client.report_outcome(OUTCOME), RECORDED),
    "report_outcomes": (lambda client: client.report_outcomes([OUTCOME]), {"new": 1, "known": 0}),
    "risk_tiers": (lambda client: client.risk_tiers(), {"decision_threshold": 0.5, "tiers": [], "costs": None}),
}


@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_request_is_sent_again_after_as_long_as_it_was_told(
    status: int, connect: Connect, script: ScriptedServer
) -> None:
    script.script(problem(status, "1"), ok(PREDICTION))
    assert connect(script.url).predict({}).churn_probability == 0.5
    first, second = script.received
    assert second.at - first.at >= 1
    assert (second.body, second.request_id) == (first.body, first.request_id)


@pytest.mark.parametrize(("status", "kind"), [(429, TooManyRequests), (503, Unavailable)])
def test_the_last_refusal_is_raised(
    status: int, kind: type[Unavailable], connect: Connect, script: ScriptedServer
) -> None:
    script.script(problem(status, "0"))
    with pytest.raises(kind, match="What is wrong") as refused:
        connect(script.url, retries=FAST).predict({})
    assert len(script.received) == 4
    assert (refused.value.status, refused.value.retry_after_seconds) == (status, 0)


def test_retries_can_be_turned_off(connect: Connect, script: ScriptedServer) -> None:
    script.script(problem(503, "0"))
    with pytest.raises(Unavailable):
        connect(script.url, retries=Retries(times=0)).predict({})
    assert len(script.received) == 1


def test_a_longer_wait_than_the_limit_is_left_to_the_caller(connect: Connect, script: ScriptedServer) -> None:
    script.script(problem(503, "31"))
    with pytest.raises(Unavailable) as refused:
        connect(script.url).predict({})
    assert (len(script.received), refused.value.retry_after_seconds) == (1, 31)


def test_no_attempt_begins_after_the_limit(connect: Connect, script: ScriptedServer) -> None:
    script.script(problem(503))
    with pytest.raises(Unavailable):
        connect(script.url, retries=Retries(times=100, within_seconds=0.5)).predict({})
    assert len(script.received) <= 2


def test_the_time_of_a_date_is_waited_for(connect: Connect, script: ScriptedServer) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    script.script(problem(503, format_datetime(later, usegmt=True)))
    with pytest.raises(Unavailable) as refused:
        connect(script.url).predict({})
    assert refused.value.retry_after_seconds == pytest.approx(3_600, abs=60)


@pytest.mark.parametrize("retry_after", [None, "soon", f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"])
def test_without_a_known_time_the_waits_grow(retry_after: str | None, connect: Connect, script: ScriptedServer) -> None:
    script.script(problem(503, retry_after))
    with pytest.raises(Unavailable):
        connect(script.url, retries=Retries(times=2)).predict({})
    waits = [later.at - earlier.at for earlier, later in pairwise(script.received)]
    assert len(waits) == 2
    assert waits[0] >= 0.2
    assert waits[1] >= 0.4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 500, 502, 504])
def test_no_other_refusal_is_repeated(status: int, connect: Connect, script: ScriptedServer) -> None:
    script.script(problem(status, "0"))
    with pytest.raises(Refused):
        connect(script.url).model()
    assert len(script.received) == 1


@pytest.mark.parametrize("call", PREDICTING.values(), ids=PREDICTING)
def test_a_prediction_whose_answer_is_lost_is_not_repeated(
    call: Callable[[Client], Any], connect: Connect, script: ScriptedServer
) -> None:
    script.script(LOST)
    with pytest.raises(Unreachable, match="may have processed the request") as lost:
        call(connect(script.url))
    assert lost.value.may_have_arrived
    assert len(script.received) == 1


@pytest.mark.parametrize(("call", "answer"), OTHERS.values(), ids=OTHERS)
def test_all_other_requests_are_repeated_when_the_answer_is_lost(
    call: Callable[[Client], Any], answer: Any, connect: Connect, script: ScriptedServer
) -> None:
    script.script(LOST, ok(answer))
    assert call(connect(script.url))
    assert len(script.received) == 2


def test_a_request_that_cannot_be_sent_is_repeated(connect: Connect) -> None:
    client = connect(f"http://127.0.0.1:{free_port()}", retries=Retries(times=2))
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="Check the address") as unreachable:
        client.predict({})
    assert not unreachable.value.may_have_arrived
    assert time.monotonic() - begun >= 0.2 + 0.4
    assert not client.is_ready()


def test_an_answer_that_takes_too_long_is_given_up(connect: Connect, script: ScriptedServer) -> None:
    script.is_silent = True
    script.script(ok(PREDICTION))
    with pytest.raises(Unreachable, match="ReadTimeout") as unreachable:
        connect(script.url, timeout_seconds=0.2).predict({})
    assert unreachable.value.may_have_arrived


def test_readiness_is_asked_for_once(connect: Connect, script: ScriptedServer) -> None:
    script.script(problem(503, "0"))
    assert not connect(script.url).is_ready()
    assert len(script.received) == 1


def test_each_request_has_an_id_that_its_error_names(connect: Connect, script: ScriptedServer) -> None:
    script.script(LOST)
    client = connect(script.url)
    with pytest.raises(Unreachable) as lost:
        client.predict({})
    assert lost.value.request_id == script.received[0].request_id
    with pytest.raises(Unreachable, match="checkout-4711"):
        client.predict({}, request_id="checkout-4711")
    assert script.received[1].request_id == "checkout-4711"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, body=b"<html>Log in</html>"),
        Answer(200, body=b"[" * 100_000),
        Answer(200, {"Content-Encoding": "gzip"}, b"damaged"),
        ok([]),
        ok({}),
        ok(PREDICTION | {"prediction_timestamp": "now"}),
    ],
    ids=["a page", "too deep", "damaged", "a list", "empty", "no time"],
)
def test_the_answer_of_another_service_is_told_apart(answer: Answer, connect: Connect, script: ScriptedServer) -> None:
    script.script(answer)
    with pytest.raises(AnswerUnreadable, match="Check the address"):
        connect(script.url).predict({})


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"title": 1}'])
def test_a_refusal_of_a_proxy_is_a_refusal(body: bytes, connect: Connect, script: ScriptedServer) -> None:
    script.script(Answer(502, body=body))
    with pytest.raises(Refused, match="GET /model: 502, Bad Gateway"):
        connect(script.url).model()


def test_the_waits_of_many_clients_differ_and_are_never_shorter_than_asked() -> None:
    refused = Unavailable(status=503, detail="", fields=[], retry_after_seconds=2, request="", request_id="")
    waits = [Patience(Retries(), is_repeatable=False).wait_after(refused) for _ in range(100)]
    seconds = [wait for wait in waits if wait is not None]
    assert len(set(seconds)) == 100
    assert min(seconds) >= 2
    assert max(seconds) <= 3


def test_a_wait_that_fits_into_the_limit_is_always_waited_for_and_never_beyond_it() -> None:
    refused = Unavailable(status=503, detail="", fields=[], retry_after_seconds=25, request="", request_id="")
    waits = [Patience(Retries(within_seconds=30), is_repeatable=False).wait_after(refused) for _ in range(100)]
    seconds = [wait for wait in waits if wait is not None]
    assert len(seconds) == 100
    assert min(seconds) >= 25
    assert max(seconds) <= 30


def test_an_error_of_another_kind_is_not_repeated() -> None:
    patience = Patience(Retries(), is_repeatable=True)
    assert patience.wait_after(ClientError("no", request="GET /model", request_id="")) is None
