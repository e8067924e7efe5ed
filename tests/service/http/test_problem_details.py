import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import models.errors
import service.errors
from models.bundles.scorer import Scorer
from models.customer.contract import Matrix, Vector
from models.features import CONTRACT
from service.errors import STATUS, status_of
from service.http.problem_details import Problem
from service.model.predictor import Predictor

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""As RFC 9110 has them, whatever Python's version."""


class BrokenScorer(Scorer):
    """Fails at every row, with a secret in its message."""

    def __init__(self) -> None:
        pass

    def score(self, matrix: Matrix) -> Vector:
        raise RuntimeError(f"secret {matrix.shape}")


def assert_one_shape(answer: Any, status: int) -> dict[str, Any]:
    body = dict(answer.json())
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(body) == set(Problem.model_fields)
    assert (body["status"], body["title"]) == (status, TITLES[status])
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["detail"].endswith(".")
    return body


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (404, {"method": "GET", "url": "/nothing"}),
        (404, {"method": "GET", "url": "/predict/"}),
        (405, {"method": "GET", "url": "/predict"}),
        (413, {"method": "POST", "url": "/predict", "content": b" " * 1001, "headers": JSON}),
        (415, {"method": "POST", "url": "/predict", "content": b"{}"}),
        (422, {"method": "POST", "url": "/predict", "content": b"{", "headers": JSON}),
        (422, {"method": "POST", "url": "/predict/batch", "json": {"customers": []}}),
    ],
)
def test_a_refusal_has_the_one_shape(
    start: Callable[..., Any], pinned: Predictor, status: int, request_: dict[str, Any]
) -> None:
    assert_one_shape(start(serving=pinned, max_body_bytes=1000).request(**request_), status)


def test_a_wrong_method_is_told_the_right_ones(client: Any) -> None:
    assert client.get("/predict").headers["Allow"] == "POST"
    assert client.post("/health").headers["Allow"] == "GET, HEAD"


def test_without_a_model_the_answer_has_the_one_shape_and_says_when_to_come_back(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    answer = start(models_dir=tmp_path).post("/predict", json=CONTRACT.example)

    assert "pinned.json" in assert_one_shape(answer, 503)["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_an_unexpected_error_keeps_its_text_from_the_client(
    start: Callable[..., Any], pinned: Predictor, caplog: pytest.LogCaptureFixture
) -> None:
    client = start(serving=replace(pinned, scorer=BrokenScorer()))

    body = assert_one_shape(client.post("/predict", json=CONTRACT.example), 500)
    assert "secret" not in str(body)
    assert_one_shape(client.post("/predict/batch", json={"customers": [CONTRACT.example]}), 500)
    assert "RuntimeError: secret" in caplog.text


@pytest.mark.parametrize("module", [models.errors, service.errors])
def test_every_error_has_a_row_in_the_table(module: ModuleType) -> None:
    classes = [kind for kind in vars(module).values() if inspect.isclass(kind) and kind.__module__ == module.__name__]
    kinds = [kind for kind in classes if issubclass(kind, Exception)]

    assert len(kinds) > 2
    assert [kind for kind in kinds if not any(base in STATUS for base in kind.__mro__)] == []


def test_an_error_without_a_row_of_its_own_is_our_fault() -> None:
    assert status_of(service.errors.ModelUnavailable(reason="gone")) == 503
    assert status_of(models.errors.ParityError(difference=1, limit=0, rows=1)) == 500
    assert status_of(KeyError("anything else")) == 500
