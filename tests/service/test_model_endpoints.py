from typing import Any

from models.features import CONTRACT
from service.predictor import Predictor


def test_the_tiers_cover_all_probabilities_by_the_models_own_bounds(client: Any, pinned: Predictor) -> None:
    body, policy = client.get("/risk-tiers").json(), pinned.manifest.policy
    tiers = body["tiers"]

    assert body["decision_threshold"] == policy.threshold
    assert [tier["tier"] for tier in tiers] == ["low", "medium", "high"]
    assert [tier["lower_bound"] for tier in tiers] == [0, policy.medium_from, policy.high_from]
    assert [tier["upper_bound"] for tier in tiers] == [policy.medium_from, policy.high_from, 1]
    assert [policy.tier(tier["lower_bound"]) for tier in tiers] == ["low", "medium", "high"]
    assert all(tier["meaning"].endswith(".") for tier in tiers)


def test_the_model_tells_its_manifest(client: Any, pinned: Predictor) -> None:
    body, manifest = client.get("/model").json(), pinned.manifest

    assert body["version"] == manifest.version
    assert body["fingerprint"] == CONTRACT.fingerprint
    assert body["data"]["sha256"] == manifest.data.sha256
    assert body["metrics"]["roc_auc"]["value"] == manifest.metrics["roc_auc"]
    assert body["metrics"]["roc_auc"]["interval"] == manifest.intervals["roc_auc"].model_dump()


def test_the_model_tells_what_it_asks_of_a_customer(client: Any) -> None:
    features = {feature["name"]: feature for feature in client.get("/model").json()["features"]}

    assert tuple(features) == CONTRACT.names
    assert features["tenure_months"]["limits"] == {"ge": 0, "le": 120}
    assert features["tenure_months"]["unit"] == "months"
    assert features["total_charges"]["nullable"] is True
    assert features["contract_type"]["labels"] == ["month-to-month", "one-year", "two-year"]


def test_a_serving_model_is_healthy_and_ready(client: Any) -> None:
    health = client.get("/health").json()

    assert health.pop("uptime_seconds") >= 0
    assert health == {"status": "healthy", "model_loaded": True, "reason": None}
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_the_root_leads_to_the_page_that_shows_the_api(client: Any) -> None:
    assert client.get("/").url.path == "/docs"
