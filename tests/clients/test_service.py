"""Both clients against a running service."""

import inspect
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pytest

import churn_client
from churn_client import (
    AsyncClient,
    Client,
    Conflict,
    Customer,
    Explanation,
    Forbidden,
    Health,
    InvalidInput,
    NotFound,
    Outcome,
    Prediction,
    Probe,
    Refused,
    Retries,
    TooLarge,
    Treatment,
    Unauthorized,
    batches,
    errors,
)
from models.bundles import pins
from models.customer.contract import Contract
from models.features import CONTRACT
from models.log import outcomes
from service import customers
from service.http import routes
from tests import shipped
from tests.clients.conftest import Connect, Served
from tests.clients.scripted_server import Answer, ScriptedServer, problem

EXAMPLE = CONTRACT.example
LEFT_OUT = {
    "/predict/trial": "the demo page asks it; what a program predicts belongs into the log",
    "/health/live": "an orchestrator restarts the process by it",
    "/metrics": "Prometheus reads it",
}


def test_no_service_is_asked_while_no_model_fits_the_features(
    second_contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "CONTRACT", second_contract)
    with pytest.raises(pytest.skip.Exception, match="make train"):
        shipped.require_model()


def outcome(prediction_id: str, *, churned: bool = True) -> Outcome:
    return Outcome(prediction_id=prediction_id, churned=churned, observed_at=datetime.now(UTC))


def test_a_prediction_has_types(client: Client, root: Path) -> None:
    prediction = client.predict(Customer(**EXAMPLE))
    assert 0 <= prediction.churn_probability <= 1
    assert prediction.risk_tier in {"low", "medium", "high"}
    assert prediction.model_version == pins.read(root / "models").version
    assert abs((datetime.now(UTC) - prediction.prediction_timestamp).total_seconds()) < 60


def test_an_explained_prediction_adds_up(client: Client) -> None:
    explanation = client.explain(EXAMPLE).explanation
    assert isinstance(explanation, Explanation)
    assert set(explanation.contributions) == set(CONTRACT.names)
    total = explanation.base_value + sum(explanation.contributions.values())
    assert explanation.raw_score == pytest.approx(total, abs=1e-4)
    assert explanation.reasons


def test_a_mapping_is_as_good_as_a_customer(client: Client) -> None:
    assert client.predict(EXAMPLE).churn_probability == client.predict(Customer(**EXAMPLE)).churn_probability


def with_tenures(number: int) -> Iterable[dict[str, Any]]:
    return (EXAMPLE | {"tenure_months": row % 121} for row in range(number))


def test_a_long_batch_is_split_and_answered_in_order(client: Client) -> None:
    each = [client.predict(customer).churn_probability for customer in with_tenures(121)]
    answered = [prediction.churn_probability for prediction in client.predict_batch(with_tenures(10_001))]
    assert answered == pytest.approx((each * 83)[:10_001], abs=1e-6)


def test_an_explained_batch_is_split_sooner(client: Client) -> None:
    answered = list(client.explain_batch(with_tenures(2_050)))
    assert answered[2_000].explanation == answered[2_000 - 16 * 121].explanation
    assert len({prediction.prediction_id for prediction in answered}) == 2_050


def test_predictions_come_before_the_last_customer_is_read(client: Client) -> None:
    assert len(list(islice(client.predict_batch(with_tenures(10**9)), 3))) == 3


def test_no_customers_are_no_request(client: Client) -> None:
    assert list(client.predict_batch([])) == []
    assert client.report_outcomes([]).new == 0


def test_invalid_input_names_its_fields(client: Client) -> None:
    name = CONTRACT.names[0]
    with pytest.raises(InvalidInput) as refused:
        client.predict(EXAMPLE | {name: "?", "unknown": 1}, request_id="checkout-4711")
    assert {field.path for field in refused.value.fields} == {name, "unknown"}
    assert refused.value.request_id == "checkout-4711"
    assert f"{name}: " in str(refused.value)


def test_an_invalid_row_has_its_number_among_all_rows(client: Client) -> None:
    answered: list[Prediction] = []
    with pytest.raises(InvalidInput) as refused:
        answered.extend(client.predict_batch([EXAMPLE] * 10_005 + [EXAMPLE | {"unknown": 1}]))
    assert 0 < len(answered) <= 10_000  # of the requests before
    assert [field.path for field in refused.value.fields] == ["customers.10005.unknown"]


@pytest.mark.parametrize("name", ["outcomes", "treatments"])
def test_an_invalid_report_has_its_number_among_all_reports(
    connect: Connect, script: ScriptedServer, name: str
) -> None:
    wrong = {"path": f"{name}.4.prediction_id", "message": "is unknown", "code": "unknown"}
    counted = Answer(200, body=json.dumps({"new": 10_000, "known": 0}).encode())
    script.script(counted, problem(422, errors=[wrong]))
    reports = {
        "outcomes": Outcome(prediction_id="0" * 32, churned=True, observed_at=datetime.now(UTC)),
        "treatments": Treatment(prediction_id="0" * 32, offer="none", given_at=datetime.now(UTC)),
    }
    with pytest.raises(InvalidInput) as refused:
        getattr(connect(script.url), f"report_{name}")([reports[name]] * 10_005)
    assert [field.path for field in refused.value.fields] == [f"{name}.10004.prediction_id"]


def test_outcomes_wait_until_their_predictions_are_in_the_log(connect: Connect, service: Served) -> None:
    client = connect(service.url, service.key, retries=Retries(times=100, within_seconds=120))
    first, second, third = (client.predict(EXAMPLE).prediction_id for _ in range(3))
    recorded = client.report_outcome(outcome(first))
    assert (recorded.prediction_id, recorded.churned) == (first, True)
    assert recorded.recorded_at.tzinfo
    counts = client.report_outcomes([outcome(first), outcome(second), outcome(third)])
    assert (counts.new, counts.known) == (2, 1)
    with pytest.raises(Conflict, match="409"):
        client.report_outcome(outcome(first, churned=False))


def test_an_outcome_of_no_prediction_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound):
        client.report_outcome(outcome("0" * 32))


def test_keys_are_asked_for_by_scope(connect: Connect, service: Served) -> None:
    with pytest.raises(Unauthorized):
        connect(service.url).predict(EXAMPLE)
    reader = connect(service.url, service.reading_key)
    assert reader.model().version
    with pytest.raises(Forbidden, match="scope `predict`"):
        reader.predict(EXAMPLE)


def test_a_body_that_is_too_large_is_refused_by_name(client: Client) -> None:
    with pytest.raises(TooLarge):
        client.predict(EXAMPLE | {"unknown": "x" * 20_000})


def test_the_model_is_described(client: Client) -> None:
    model = client.model()
    assert [feature.name for feature in model.features] == list(CONTRACT.names)
    assert model.trained_at < datetime.now(UTC)
    assert model.metrics["roc_auc"].interval is not None
    assert [bounds.tier for bounds in client.risk_tiers().tiers] == ["low", "medium", "high"]
    assert client.model_card().lower().startswith("<!doctype html>")


def test_health_says_as_much_as_the_key_may_know(connect: Connect, service: Served) -> None:
    informed, stranger = connect(service.url, service.reading_key), connect(service.url)
    health, probe = informed.health(), stranger.health()
    assert isinstance(health, Health)
    assert health.model_loaded
    assert isinstance(probe, Probe)
    assert stranger.is_ready()


def test_every_operation_can_be_reached_or_is_left_out_for_a_reason(service: Served) -> None:
    reached = set()
    with Client(service.url, service.key, timeout_seconds=60, retries=Retries(times=10)) as client:
        client._http.event_hooks["request"].append(lambda request: reached.update(uses(request)))
        prediction = client.predict(EXAMPLE)
        treatment = Treatment(prediction_id=prediction.prediction_id, offer="high", given_at=datetime.now(UTC))
        calls: dict[str, Any] = {
            "predict": prediction,
            "explain": client.explain(EXAMPLE),
            "note": client.note(EXAMPLE),
            "predict_batch": list(client.predict_batch([EXAMPLE])),
            "explain_batch": list(client.explain_batch([EXAMPLE])),
            "report_treatment": client.report_treatment(treatment),
            "report_treatments": client.report_treatments([treatment]),
            "report_outcome": client.report_outcome(outcome(prediction.prediction_id)),
            "report_outcomes": client.report_outcomes([outcome(prediction.prediction_id)]),
            "risk_tiers": client.risk_tiers(),
            "model": client.model(),
            "model_card": client.model_card(),
            "health": client.health(),
            "is_ready": client.is_ready(),
        }
    assert calls["note"].note.written_by == "template"
    assert calls["note"].explanation.contributions == calls["explain"].explanation.contributions
    assert (calls["report_treatment"].offer, calls["report_treatments"].known) == ("high", 1)
    assert calls.keys() | {"close"} == public(Client)
    paths = httpx2.get(f"{service.url}/openapi.json").json()["paths"]
    declared = {
        (method.upper(), path, option)
        for path, operations in paths.items()
        for method, operation in operations.items()
        for option in ("", *(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"))
    }
    assert {path for _, path, _ in declared} > LEFT_OUT.keys()
    assert reached == {one for one in declared if one[1] not in LEFT_OUT}


def uses(request: httpx2.Request) -> set[tuple[str, str, str]]:
    """Return the operation that a request asks, without and with each of its options."""
    return {(request.method, request.url.path, option) for option in ("", *request.url.params)}


def test_every_status_of_the_document_has_a_type_or_is_a_plain_refusal(service: Served) -> None:
    paths = httpx2.get(f"{service.url}/openapi.json").json()["paths"]
    statuses = {int(code) for item in paths.values() for operation in item.values() for code in operation["responses"]}
    assert statuses == {200, 400, 415, 500} | errors.BY_STATUS.keys()


def public(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def test_both_clients_have_the_same_calls() -> None:
    assert public(Client) == public(AsyncClient)
    for name in public(Client) | {"__init__"}:
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (Client, AsyncClient))
        assert ours.parameters == theirs.parameters
        assert str(theirs.return_annotation).replace("AsyncIterator", "Iterator") == str(ours.return_annotation)


def test_everything_that_a_call_takes_returns_or_raises_can_be_imported() -> None:
    raised = {kind.__name__ for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, Exception)}
    assert raised < set(churn_client.__all__)
    assert [name for name in churn_client.__all__ if not hasattr(churn_client, name)] == []
    assert issubclass(Unauthorized, Refused)


def test_the_limits_are_those_of_the_service() -> None:
    assert (batches.MAX_ROWS, batches.MAX_EXPLAINED_ROWS) == (customers.MAX_BATCH_ROWS, customers.MAX_EXPLAINED_ROWS)
    assert batches.MAX_ROWS == outcomes.MAX_OUTCOMES
    assert batches.MAX_BODY_BYTES <= routes.BATCH_BYTES
