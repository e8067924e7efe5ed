import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from models.features import CONTRACT
from service.json_logging import JsonLines
from service.model.predictor import Predictor


@pytest.mark.parametrize("path", ["/health", "/nothing", "/predict"])
def test_a_clients_request_id_comes_back(client: Any, path: str) -> None:
    assert client.get(path, headers={"X-Request-ID": "order-17/a:b"}).headers["X-Request-ID"] == "order-17/a:b"


@pytest.mark.parametrize("unsafe", ["", "a b", 'a"b', "a\tb", "x" * 129, "\xe4"])
def test_an_unsafe_request_id_is_replaced(client: Any, unsafe: str) -> None:
    answered = client.get("/health", headers={b"X-Request-ID": unsafe.encode("latin-1")}).headers["X-Request-ID"]

    assert answered != unsafe
    assert len(answered) == 32


def test_requests_without_an_id_get_different_ones(client: Any) -> None:
    assert len({client.get("/health").headers["X-Request-ID"] for _ in range(10)}) == 10


def test_a_request_is_logged_without_its_customer(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(JsonLines())
    customer = CONTRACT.example | {"monthly_charges": 77.125, "total_charges": 7712.5}
    with caplog.at_level(logging.INFO):
        client.post("/predict", json=customer, headers={"X-Request-ID": "r-1"})
        client.post("/predict", json=customer | {"tenure_months": 121}, headers={"X-Request-ID": "r-2"})

    lines = [json.loads(line) for line in caplog.text.splitlines() if '"request_id"' in line]
    assert [(line["request_id"], line["method"], line["path"], line["status"]) for line in lines] == [
        ("r-1", "POST", "/predict", 200),
        ("r-2", "POST", "/predict", 422),
    ]
    assert all(line["duration_ms"] > 0 for line in lines)
    assert "77.125" not in caplog.text
    assert "7712.5" not in caplog.text


def test_a_refusal_is_logged_with_fields_and_rules_but_no_values(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    customer = CONTRACT.example | {"monthly_charges": 77123.5, "x" * 500: "secret"}
    with caplog.at_level(logging.INFO):
        client.post("/predict/batch", json={"customers": [CONTRACT.example, customer]})
        client.post("/predict", json=CONTRACT.example)

    refused, answered = [record for record in caplog.records if record.getMessage() == "request"]
    problems = vars(refused)["facts"]["problems"]
    assert problems[0] == "customers.1.monthly_charges: less_than_equal"
    assert problems[-1].endswith("xxx: extra_forbidden")
    assert max(map(len, problems)) < 100
    assert "77123.5" not in str(problems)
    assert "secret" not in str(problems)
    assert "problems" not in vars(answered)["facts"]


def test_an_exception_stays_on_one_line() -> None:
    error = ValueError("two\nlines")
    facts = {"msg": "a %s", "args": ("b",), "exc_info": (ValueError, error, None)}
    line = JsonLines().format(logging.makeLogRecord(facts))

    assert "\n" not in line
    assert json.loads(line)["message"] == "a b"
    assert "ValueError: two\nlines" in json.loads(line)["exception"]


def test_requests_are_not_logged_above_info(
    start: Callable[..., Any], pinned: Predictor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        start(serving=pinned).get("/health")

    assert caplog.records == []
