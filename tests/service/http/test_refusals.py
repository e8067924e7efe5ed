import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from models.features import CONTRACT, CustomerFeatures
from service import errors
from service.errors import LISTED_PROBLEMS
from service.http.routes import BATCH_VALUES, ONE_CUSTOMER_BYTES
from service.model.predictor import Predictor
from tests import changed_contract

JSON = {"Content-Type": "application/json"}


def broken(**raw: str) -> str:
    """The example customer as JSON text, with some fields replaced by raw text."""
    fields = {name: json.dumps(value) for name, value in CONTRACT.example.items()} | raw
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"


def ask(client: Any, body: str, path: str = "/predict") -> Any:
    return client.post(path, content=body, headers=JSON)


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
        ("contract_type", "1.5"),
        ("contract_type", "3.0"),
        ("tenure_months", "121.0"),
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
    assert "the first 100 of 2000 problems" in answer["detail"]


def test_problems_too_many_to_convert_are_counted_but_not_listed(client: Any) -> None:
    missing = sum(field.is_required() for field in CustomerFeatures.model_fields.values())
    invented = max(1, 6 - missing)
    row = json.dumps({f"invented_{number}": 1 for number in range(invented)})
    answer = ask(client, f'{{"customers":[{",".join([row] * 10_000)}]}}', "/predict/batch").json()

    assert answer["errors"] == []
    assert f"{10_000 * (missing + invented)} problems, too many to name" in answer["detail"]


def test_a_short_list_of_problems_is_called_complete(client: Any) -> None:
    detail = ask(client, broken(**{CONTRACT.names[0]: "[]"})).json()["detail"]

    assert detail == "The body is not valid; `errors` names every problem. Correct it and send it again."


def test_of_a_name_that_comes_twice_the_last_value_counts(client: Any) -> None:
    def ask_twice(first: str, last: str) -> int:
        body = broken().replace('"support_tickets":3', f'"support_tickets":{first},"support_tickets":{last}')
        return int(ask(client, body).status_code)

    assert ask_twice("-1", "3") == 200
    assert ask_twice("3", "-1") == 422


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ufeff", "{}\ufeff", '{"tenure_months": 4'])
def test_a_body_that_is_no_json_object_is_refused(client: Any, text: str) -> None:
    answer = ask(client, text)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "body"


def test_a_body_that_is_no_json_is_called_so(client: Any) -> None:
    assert ask(client, "{").json()["detail"].startswith("The body is not JSON.")
    assert ask(client, "[]").json()["detail"].startswith("The body is not valid;")


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_a_byte_order_mark_before_the_json_is_ignored(client: Any, path: str) -> None:
    body = broken() if path == "/predict" else f'{{"customers":[{broken()}]}}'

    assert ask(client, f"\ufeff{body}", path).status_code == 200
    assert ask(client, f"\ufeff\ufeff{body}", path).json()["detail"].startswith("The body is not JSON.")


@pytest.mark.parametrize("coding", ["gzip", "GZip", "deflate", "br", "zstd", "gzip, gzip"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_body_declared_as_compressed_is_refused(client: Any, coding: str, *, compressed: bool) -> None:
    body = gzip.compress(broken().encode()) if compressed else broken().encode()
    answer = client.post("/predict", content=body, headers=JSON | {"Content-Encoding": coding})

    assert answer.status_code == 415
    assert answer.json()["detail"] == (
        f"The body's Content-Encoding is {coding.lower()!r}. Send the JSON uncompressed, without this header."
    )
    assert answer.headers["Accept-Encoding"] == "identity"


def test_a_body_may_be_declared_as_not_compressed(client: Any) -> None:
    assert client.post("/predict", content=broken(), headers=JSON | {"Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_a_body_not_declared_as_json_is_refused(client: Any, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    answer = client.post("/predict", content=broken().encode(), headers=headers)

    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]
    assert f"media type is {repr(media_type) if media_type else 'missing'}." in answer.json()["detail"]


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


def test_one_customer_has_a_limit_below_that_of_a_batch(client: Any) -> None:
    padding = " " * (ONE_CUSTOMER_BYTES - len(broken()))

    assert ask(client, broken() + padding).status_code == 200
    assert ask(client, broken() + padding + " ").status_code == 413
    assert ask(client, f'{{"customers":[{broken()}]}}{padding}  ', "/predict/batch").status_code == 200


@pytest.mark.parametrize("values", [BATCH_VALUES + 1, BATCH_VALUES + 2])
def test_a_batch_of_more_values_than_customers_can_have_is_refused_unread(client: Any, values: int) -> None:
    answer = ask(client, f'{{"customers":[{",".join("1" * values)}]}}', "/predict/batch")

    assert answer.status_code == (422 if values == BATCH_VALUES + 1 else 413)


def test_ten_thousand_indented_customers_fit_the_default_limit(client: Any) -> None:
    body = json.dumps({"customers": [CONTRACT.example] * 10_000}, indent=4)

    assert ask(client, body, "/predict/batch").status_code == 200


def test_a_refusal_under_an_earlier_name_counts_for_the_field_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "CONTRACT", changed_contract.after(renamed={"support_tickets": "tickets"}))
    names = ("tickets", "support_tickets", "tenure_months", "nothing", 3)
    fields = [errors.BrokenRule(("customers", 0, name), "Wrong.", "wrong").field for name in names]
    assert fields == ["tickets", "tickets", "tenure_months", "other", "other"]
