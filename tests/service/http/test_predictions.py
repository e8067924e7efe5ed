import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from models.bundles.scorer import Scorer
from models.customer.contract import Matrix, Vector
from models.features import CONTRACT, CustomerFeatures
from service.model.predictor import Predictor


class WatchedScorer(Scorer):
    """Remembers which threads it scored in."""

    def __init__(self, scorer: Scorer) -> None:
        vars(self).update(vars(scorer))
        self.threads: list[int] = []

    def score(self, matrix: Matrix) -> Vector:
        self.threads.append(threading.get_ident())
        return super().score(matrix)


def test_a_large_batch_is_predicted_in_a_thread_that_holds_up_nobody(
    start: Callable[..., Any], pinned: Predictor
) -> None:
    scorer = WatchedScorer(pinned.scorer)
    client = start(serving=replace(pinned, scorer=scorer))
    client.post("/predict", json=CONTRACT.example)
    client.post("/predict/batch", json={"customers": [CONTRACT.example] * 2_000})

    of_the_loop, of_the_batch = scorer.threads
    assert of_the_batch != of_the_loop


def test_a_prediction_says_what_by_which_model_and_when(client: Any, pinned: Predictor) -> None:
    answer = client.post("/predict", json=CONTRACT.example)
    body = answer.json()
    policy, probability = pinned.manifest.policy, body["churn_probability"]

    assert answer.status_code == 200
    assert set(body) == {
        "prediction_id",
        "churn_probability",
        "churn_prediction",
        "risk_tier",
        "model_version",
        "prediction_timestamp",
    }
    assert 0 <= probability <= 1
    assert body["churn_prediction"] is (probability >= policy.threshold)
    assert body["risk_tier"] == policy.tier(probability)
    assert body["model_version"] == pinned.manifest.version
    made = datetime.fromisoformat(body["prediction_timestamp"])
    assert made.utcoffset() == timedelta(0)
    assert timedelta(0) <= datetime.now(UTC) - made < timedelta(minutes=1)


def test_http_and_scorer_agree_on_every_customer(
    client: Any, pinned: Predictor, customers: list[dict[str, Any]]
) -> None:
    rows = [CustomerFeatures.model_validate(customer) for customer in customers]
    expected = pinned.scorer.score(CONTRACT.encode_rows(rows))
    served = [client.post("/predict", json=customer).json()["churn_probability"] for customer in customers]

    assert any(customer["total_charges"] is None for customer in customers)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(served, expected, rtol=0, atol=1e-5)


def test_a_batch_is_its_customers_one_by_one_in_order(client: Any, customers: list[dict[str, Any]]) -> None:
    singles = [client.post("/predict", json=customer).json()["churn_probability"] for customer in customers]
    batch = client.post("/predict/batch", json={"customers": customers}).json()["predictions"]

    np.testing.assert_allclose([made["churn_probability"] for made in batch], singles, rtol=0, atol=1e-6)
    assert len({made["prediction_id"] for made in batch}) == len(customers)


@pytest.mark.parametrize(("rows", "status"), [(0, 422), (1, 200), (10_000, 200), (10_001, 422)])
def test_a_batch_holds_one_to_ten_thousand_customers(client: Any, rows: int, status: int) -> None:
    answer = client.post("/predict/batch", json={"customers": [CONTRACT.example] * rows})

    assert answer.status_code == status
    assert len(answer.json().get("predictions", [])) == (rows if status == 200 else 0)


def test_requests_at_the_same_time_each_get_their_own_answer(client: Any, customers: list[dict[str, Any]]) -> None:
    def ask(customer: dict[str, Any]) -> dict[str, Any]:
        return dict(client.post("/predict", json=customer).json())

    alone = [ask(customer)["churn_probability"] for customer in customers]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, customers))

    assert [made["churn_probability"] for made in together] == alone
    assert len({made["prediction_id"] for made in together}) == len(customers)
