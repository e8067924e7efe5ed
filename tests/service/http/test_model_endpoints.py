from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from models.bundles.risk import Costs, Offer, RiskPolicy
from models.bundles.scorer import Scorer
from models.customer.contract import Matrix, Vector
from models.customer.history import model_contract
from models.features import CONTRACT
from service.http.schemas import ModelCard
from service.model.predictor import Predictor
from tests import changed_contract

COSTS = Costs(
    currency="EUR",
    value_of_kept_customer=400,
    medium=Offer(contact_cost=10, success_rate=0.1),
    high=Offer(contact_cost=70, success_rate=0.35),
)


class FixedScorer(Scorer):
    """Gives customers the same probabilities, in their order."""

    def __init__(self, scorer: Scorer, policy: RiskPolicy, probabilities: list[float]) -> None:
        vars(self).update(vars(scorer))
        self.policy, self.probabilities = policy, np.array(probabilities)

    def score(self, matrix: Matrix) -> Vector:
        return self.probabilities[: len(matrix)]


@pytest.fixture
def start_with(start: Callable[..., Any], pinned: Predictor) -> Callable[..., Any]:
    """Serve a model of another policy, which gives these probabilities."""

    def begin(policy: RiskPolicy, *probabilities: float) -> Any:
        scorer = FixedScorer(pinned.scorer, policy, list(probabilities))
        manifest = pinned.manifest.model_copy(update={"policy": policy})
        return start(serving=replace(pinned, scorer=scorer, manifest=manifest))

    return begin


def test_decisions_change_exactly_at_the_bounds_of_the_manifest(start_with: Callable[..., Any]) -> None:
    policy = RiskPolicy(threshold=0.31, medium_from=0.285, high_from=0.735, costs=COSTS)
    bounds = [policy.medium_from, policy.threshold, policy.high_from]
    edges = [edge for bound in bounds for edge in (np.nextafter(bound, 0), bound)]
    client = start_with(policy, *edges)
    answers = client.post("/predict/batch", json={"customers": [CONTRACT.example] * 6}).json()["predictions"]

    assert [answer["risk_tier"] for answer in answers] == ["low", "medium", "medium", "medium", "medium", "high"]
    assert [answer["churn_prediction"] for answer in answers] == [False, False, False, True, True, True]


def test_the_tiers_tell_what_they_were_made_from(start_with: Callable[..., Any]) -> None:
    body = (
        start_with(RiskPolicy(threshold=0.25, medium_from=0.25, high_from=0.6, costs=COSTS)).get("/risk-tiers").json()
    )

    assert body["costs"] == COSTS.model_dump()
    assert [tier["meaning"] for tier in body["tiers"]] == [
        "No offer: none would pay off.",
        "The offer for 10 EUR costs least: it keeps 10% of those who would leave, each worth 400.",
        "The offer for 70 EUR costs least: it keeps 35% of those who would leave, each worth 400.",
    ]


def test_plain_tiers_have_no_costs(start_with: Callable[..., Any]) -> None:
    body = start_with(RiskPolicy()).get("/risk-tiers").json()

    assert body["costs"] is None
    assert body["decision_threshold"] == 0.5
    assert [tier["upper_bound"] for tier in body["tiers"]] == [0.4, 0.7, 1]
    assert all(above["lower_bound"] == below["upper_bound"] for below, above in pairwise(body["tiers"]))


def test_the_card_is_a_page_that_loads_and_runs_nothing(client: Any, pinned: Predictor) -> None:
    answer = client.get("/model/card")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.text == pinned.card
    assert f"{pinned.manifest.metrics['roc_auc']:.3f}" in answer.text


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


def test_an_older_model_tells_its_importance_by_the_names_of_today(pinned: Predictor) -> None:
    today = changed_contract.after(renamed={"support_tickets": "tickets"}, without=["contract_type"])
    card = ModelCard.of(pinned, None, contract=today)
    known = pinned.manifest.importance
    assert set(card.importance) == {*CONTRACT.names, "tickets"} - {"support_tickets", "contract_type"}
    assert card.importance["tickets"] == known["support_tickets"]


def test_an_older_model_tells_no_range_of_a_field_that_was_removed(pinned: Predictor) -> None:
    today = changed_contract.after(without=["support_tickets"])
    older = model_contract.trained(pinned.manifest.fingerprint, pinned.manifest.features, today)
    card = ModelCard.of(replace(pinned, contract=older), None, contract=today)
    assert "support_tickets" in pinned.explainer.ranges
    assert card.ranges.keys() == pinned.explainer.ranges.keys() - {"support_tickets"}


def test_an_older_model_tells_the_levels_that_it_keeps_itself(pinned: Predictor) -> None:
    before, today = (
        changed_contract.after(added=[replace(changed_contract.COUNTRY, most_levels=most)]) for most in (2, 1)
    )
    model = replace(pinned, contract=before.learned({"country": {"DE": 9, "FR": 8, "PE": 1}}))
    country = ModelCard.of(model, None, contract=today).features[-1]
    assert (country.most_levels, country.levels) == (1, {"DE": 9, "FR": 8})


def test_a_serving_model_is_healthy_and_ready(client: Any) -> None:
    health = client.get("/health").json()

    assert health.pop("uptime_seconds") >= 0
    assert health == {
        "status": "healthy",
        "model_loaded": True,
        "reason": None,
        "challenger": None,
        "contract_changes": [],
    }
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}
