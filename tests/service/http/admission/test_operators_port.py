"""The operators' port: what it answers, and that nothing else is answered there."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.features import CONTRACT
from service.model.predictor import Predictor
from tests.service.http.test_problem_details import assert_one_shape

OPS = 8003


@pytest.fixture
def ask(start: Callable[..., TestClient], pinned: Predictor) -> Callable[..., Any]:
    """Ask at a port of a service; the address in the test's request decides which port that is."""
    client = start(serving=pinned, ops_port=OPS, cors_origins="https://app.example.com")

    def ask(port: int, path: str, method: str = "GET", **facts: Any) -> Any:
        return client.request(method, f"http://localhost:{port}{path}", **facts)

    return ask


def test_operators_get_metrics_and_reasons_there_and_clients_do_not(ask: Callable[..., Any]) -> None:
    assert "churn_model_loaded" in ask(OPS, "/metrics").text
    assert "uptime_seconds" in ask(OPS, "/health").json()
    assert ask(OPS, "/health/ready").status_code == 200
    assert_one_shape(ask(8000, "/metrics"), 404)
    assert ask(8000, "/health").json() == {"status": "healthy"}
    assert "/metrics" not in ask(8000, "/openapi.json").json()["paths"]


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/outcomes", "/model", "/docs", "/openapi.json", "/"])
def test_the_api_is_not_answered_there(ask: Callable[..., Any], path: str) -> None:
    for method in ("GET", "POST"):
        assert_one_shape(ask(OPS, path, method, json=CONTRACT.example), 404)


def test_no_web_page_reads_there(ask: Callable[..., Any]) -> None:
    for path in ("/metrics", "/health"):
        assert_one_shape(ask(OPS, path, headers={"Host": "evil.com"}), 400)
        answer = ask(OPS, path, headers={"Origin": "https://app.example.com"})
        assert "Access-Control-Allow-Origin" not in answer.headers
