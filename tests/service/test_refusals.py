import json
from collections.abc import Callable
from typing import Any

import pytest

from models.features import CONTRACT
from service.predictor import Predictor
from service.problem import LISTED_PROBLEMS


def broken(**raw: str) -> str:
    """The example customer as JSON text, with some fields replaced by raw text."""
    fields = {name: json.dumps(value) for name, value in CONTRACT.example.items()} | raw
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"


def ask(client: Any, body: str, path: str = "/predict") -> Any:
    return client.post(path, content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("tenure_months", "121"),
        ("tenure_months", "-1"),
        ("tenure_months", "4.5"),
        ("tenure_months", "true"),
        ("tenure_months", '"4"'),
        ("tenure_months", "null"),
        ("tenure_months", "1" + "0" * 500),
        ("monthly_charges", "NaN"),
        ("monthly_charges", "Infinity"),
        ("monthly_charges", "-Infinity"),
        ("monthly_charges", "1e999"),
        ("monthly_charges", "1" + "0" * 500),
        ("monthly_charges", "false"),
        ("monthly_charges", '"89.5"'),
        ("total_charges", "1"),
        ("total_charges", "NaN"),
        ("contract_type", "3"),
        ("contract_type", "true"),
        ("contract_type", "1.0"),
        ("contract_type", '"0"'),
        ("churn", "1"),
    ],
)
def test_a_field_that_breaks_the_contract_is_named(client: Any, field: str, text: str) -> None:
    answer = ask(client, broken(**{field: text}))

    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["errors"]] == [field]


def test_a_missing_field_is_named(client: Any) -> None:
    customer = {name: value for name, value in CONTRACT.example.items() if name != "support_tickets"}
    answer = client.post("/predict", json=customer)

    assert [(problem["path"], problem["code"]) for problem in answer.json()["errors"]] == [
        ("support_tickets", "missing")
    ]


def test_all_broken_fields_are_named_at_once(client: Any) -> None:
    answer = ask(client, broken(tenure_months="-1", support_tickets='"3"', contract_type="9"))

    assert [problem["path"] for problem in answer.json()["errors"]] == [
        "tenure_months",
        "support_tickets",
        "contract_type",
    ]


def test_one_bad_customer_refuses_the_batch_and_is_named_by_row_and_field(client: Any) -> None:
    rows = [broken()] * 20
    rows[17] = broken(tenure_months="121")
    answer = ask(client, f'{{"customers":[{",".join(rows)}]}}', "/predict/batch")

    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["errors"]] == ["customers.17.tenure_months"]


def test_the_list_of_problems_is_bounded(client: Any) -> None:
    rows = ",".join([broken(tenure_months="121", contract_type="9")] * 1000)
    answer = ask(client, f'{{"customers":[{rows}]}}', "/predict/batch").json()

    assert len(answer["errors"]) == LISTED_PROBLEMS
    assert "2000" in answer["detail"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ufeff{}", '{"tenure_months": 4'])
def test_a_body_that_is_no_json_object_is_refused(client: Any, text: str) -> None:
    answer = ask(client, text)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "body"


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_a_body_not_declared_as_json_is_refused(client: Any, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    answer = client.post("/predict", content=broken().encode(), headers=headers)

    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"])
def test_json_may_be_declared_with_parameters(client: Any, media_type: str) -> None:
    assert client.post("/predict", content=broken(), headers={"Content-Type": media_type}).status_code == 200


def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not(
    start: Callable[..., Any], pinned: Predictor
) -> None:
    body = broken()
    client = start(serving=pinned, max_body_bytes=len(body))

    assert ask(client, body).status_code == 200
    assert ask(client, body + " ").status_code == 413


def test_ten_thousand_indented_customers_fit_the_default_limit(client: Any) -> None:
    body = json.dumps({"customers": [CONTRACT.example] * 10_000}, indent=4)

    assert ask(client, body, "/predict/batch").status_code == 200
