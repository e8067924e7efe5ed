from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.features import CONTRACT
from service.model.predictor import Predictor


def scrape(client: Any) -> dict[tuple[str, ...], float]:
    """Values by name and label values, in the order of the label names."""
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_predictions_are_counted_by_tier_and_model(client: Any, customers: list[dict[str, Any]]) -> None:
    made = client.post("/predict/batch", json={"customers": customers}).json()["predictions"]
    made.append(client.post("/predict", json=customers[0]).json())
    counted = scrape(client)

    tiers = [prediction["risk_tier"] for prediction in made]
    version = made[0]["model_version"]
    assert {tier: counted["churn_predictions_total", version, tier] for tier in set(tiers)} == {
        tier: tiers.count(tier) for tier in set(tiers)
    }


def test_the_probabilities_of_a_batch_are_counted_as_one_by_one(
    start: Callable[..., Any], pinned: Predictor, customers: list[dict[str, Any]]
) -> None:
    together, one_by_one = start(serving=pinned), start(serving=pinned)
    together.post("/predict/batch", json={"customers": customers})
    for customer in customers:
        one_by_one.post("/predict", json=customer)

    def probabilities(client: Any) -> dict[tuple[str, ...], float]:
        return {name: value for name, value in scrape(client).items() if name[0].startswith("churn_probability_")}

    assert probabilities(together) == pytest.approx(probabilities(one_by_one))
    assert probabilities(together)["churn_probability_count", pinned.manifest.version] == len(customers)


def test_requests_are_counted_and_timed_by_route(client: Any) -> None:
    for _ in range(3):
        client.post("/predict", json=CONTRACT.example)
    client.post("/predict", json={})
    counted = scrape(client)

    assert counted["http_requests_total", "POST", "/predict", "200"] == 3
    assert counted["http_requests_total", "POST", "/predict", "422"] == 1
    assert counted["http_request_duration_seconds_count", "POST", "/predict"] == 4
    assert 0 < counted["http_request_duration_seconds_sum", "POST", "/predict"] < 4


def test_broken_rules_are_counted_by_field(client: Any) -> None:
    bad = CONTRACT.example | {"tenure_months": 121, "invented": 1}
    client.post("/predict/batch", json={"customers": [bad, bad]})
    client.post("/predict", content=b"{", headers={"Content-Type": "application/json"})
    counted = scrape(client)

    assert counted["churn_validation_failures_total", "tenure_months"] == 2
    assert counted["churn_validation_failures_total", "other"] == 3


def test_of_a_long_list_of_broken_rules_a_hundred_are_counted(client: Any) -> None:
    client.post("/predict/batch", json={"customers": [CONTRACT.example | {"tenure_months": 121}] * 500})

    assert scrape(client)["churn_validation_failures_total", "tenure_months"] == 100


def test_nothing_that_a_client_invents_becomes_a_label(client: Any) -> None:
    client.get("/predict")
    client.get("/invented-path")
    client.request("INVENTED-METHOD", "/predict")
    client.post("/predict", json={"invented-field": 1})

    text = client.get("/metrics").text
    assert "invented" not in text.lower()
    assert 'http_requests_total{method="GET",route="other",status="404"} 1.0' in text
    assert 'http_requests_total{method="other",route="/predict",status="405"} 1.0' in text


def test_the_model_that_serves_is_named(client: Any, pinned: Predictor) -> None:
    counted, manifest = scrape(client), pinned.manifest

    assert [counted["churn_predictions_total", manifest.version, tier] for tier in ("low", "medium", "high")] == [0] * 3
    assert counted[("churn_model_loaded",)] == 1
    assert counted["churn_model_info", manifest.version, "champion"] == 1
    assert counted[("churn_model_pinned",)] == 1
    assert counted[("churn_model_trained_timestamp_seconds",)] == pytest.approx(manifest.trained_at.timestamp())


def test_two_apps_count_apart(start: Callable[..., Any], pinned: Predictor) -> None:
    one, other = start(serving=pinned), start(serving=pinned)
    one.post("/predict", json=CONTRACT.example)

    assert scrape(one)["http_requests_total", "POST", "/predict", "200"] == 1
    assert scrape(other)["http_requests_total", "POST", "/predict", "200"] == 0
