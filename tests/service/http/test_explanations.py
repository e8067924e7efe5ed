"""`?explain=true`: the same predictions, with explanations."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from models.bundles import bundle
from models.bundles.calibration import Calibration
from models.bundles.explainer import Contributions, Explainer
from models.bundles.format import bundle_files
from models.bundles.manifest import Description
from models.bundles.scorer import Scorer
from models.customer.contract import Matrix
from models.features import CONTRACT, CustomerFeatures
from service.http.problem_details import Problem
from service.model.predictor import Predictor
from tests.waiting import wait_until

EXPLAINED, EXPLAINED_BATCH = "/predict?explain=true", "/predict/batch?explain=true"
OWN = {"prediction_id", "prediction_timestamp"}


class WatchedExplainer(Explainer):
    """Remembers which threads it explained in, and explains several rows only when it is told to."""

    def __init__(self, explainer: Explainer) -> None:
        vars(self).update(vars(explainer))
        self.threads: list[int] = []
        self.go = threading.Event()

    def explain(self, matrix: Matrix) -> Contributions:
        self.threads.append(threading.get_ident())
        assert len(matrix) == 1 or self.go.wait(10)
        return super().explain(matrix)


def without_own(prediction: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in prediction.items() if name not in OWN}


def test_an_explained_prediction_is_the_plain_one_and_what_is_behind_it(
    client: Any, pinned: Predictor, customers: list[dict[str, Any]]
) -> None:
    rows = [CustomerFeatures.model_validate(customer) for customer in customers[:50]]
    expected = pinned.explainer.explain(CONTRACT.encode_rows(rows))
    for at, customer in enumerate(customers[:50]):
        plain, explained = (client.post(path, json=customer).json() for path in ("/predict", EXPLAINED))
        explanation = explained.pop("explanation")
        assert without_own(explained) == without_own(plain)
        assert list(explanation["contributions"]) == list(CONTRACT.names)
        np.testing.assert_allclose(list(explanation["contributions"].values()), expected.by_feature[at], atol=1e-6)
        parts = [explanation["base_value"], *explanation["contributions"].values()]
        assert explanation["score"] == explanation["raw_score"] == pytest.approx(sum(parts), abs=1e-9)
        assert 1 / (1 + np.exp(-explanation["score"])) == pytest.approx(plain["churn_probability"], abs=1e-5)
        assert 0 < len(explanation["reasons"]) <= 3
        assert all(reason.endswith((" raises the risk", " lowers the risk")) for reason in explanation["reasons"])


def test_behind_a_calibration_map_contributions_add_up_to_the_probability_that_is_served(
    start: Callable[..., Any], pinned: Predictor, models_dir: Path, customers: list[dict[str, Any]]
) -> None:
    calibration = Calibration(method="sigmoid", slope=0.6, intercept=0.3)
    manifest = pinned.manifest.model_copy(update={"calibration": calibration})
    model = bundle.load(models_dir, contract=CONTRACT)
    scorer = Scorer.of(replace(model, manifest=manifest))
    client = start(serving=replace(pinned, scorer=scorer, manifest=manifest))
    answer = client.post(EXPLAINED, json=customers[0]).json()
    explanation, probability = answer["explanation"], answer["churn_probability"]

    parts = [explanation["base_value"], *explanation["contributions"].values()]
    assert explanation["score"] == pytest.approx(sum(parts), abs=1e-9)
    assert explanation["score"] == pytest.approx(np.log(probability / (1 - probability)), abs=1e-5)
    assert explanation["score"] == pytest.approx(0.6 * explanation["raw_score"] + 0.3, abs=1e-5)


def test_an_explained_batch_is_its_customers_one_by_one_in_order(client: Any, customers: list[dict[str, Any]]) -> None:
    batch = client.post(EXPLAINED_BATCH, json={"customers": customers}).json()["predictions"]
    singles = [client.post(EXPLAINED, json=customer).json() for customer in customers]

    assert [made["explanation"]["reasons"] for made in batch] == [made["explanation"]["reasons"] for made in singles]
    together, alone = ([made["explanation"]["raw_score"] for made in answer] for answer in (batch, singles))
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("query", ["explain=false", "explain=0", "invented=true", "explain=true&explain=false"])
def test_who_does_not_ask_for_reasons_gets_none(client: Any, query: str) -> None:
    for path, body in (("/predict", CONTRACT.example), ("/predict/batch", {"customers": [CONTRACT.example]})):
        plain, asked = client.post(path, json=body), client.post(f"{path}?{query}", json=body)
        assert asked.status_code == 200
        assert "explanation" not in asked.text
        assert len(asked.content) == len(plain.content)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("query", ["explain=nonsense", "explain=", "explain=2"])
def test_what_is_neither_true_nor_false_is_refused_by_name(client: Any, path: str, query: str) -> None:
    answer = client.post(f"{path}?{query}", json=CONTRACT.example)
    body = answer.json()

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(body) == set(Problem.model_fields)
    assert body["detail"].startswith("The query is not valid;")
    assert body["errors"] == [{"path": "explain", "message": "Input should be true or false", "code": "bool_parsing"}]


@pytest.mark.parametrize(("rows", "status"), [(2_000, 200), (2_001, 422)])
def test_a_batch_to_be_explained_holds_two_thousand_customers(client: Any, rows: int, status: int) -> None:
    answer = client.post(EXPLAINED_BATCH, json={"customers": [CONTRACT.example] * rows})
    problems = [(problem["path"], problem["code"]) for problem in answer.json().get("errors", [])]

    assert answer.status_code == status
    assert problems == ([] if status == 200 else [("customers", "too_long")])


def test_explained_predictions_are_counted_as_plain_ones_are(start: Callable[..., Any], pinned: Predictor) -> None:
    def count(query: str) -> set[str]:
        client = start(serving=pinned)
        client.post(f"/predict{query}", json=CONTRACT.example)
        client.post(f"/predict/batch{query}", json={"customers": [CONTRACT.example] * 2})
        lines = client.get("/metrics").text.splitlines()
        return {line for line in lines if line.startswith(("churn_", "http_requests_total"))}

    assert count("?explain=true") == count("")
    assert any(line.startswith("churn_predictions_total") and line.endswith(" 3.0") for line in count("?explain=true"))


def test_nobody_waits_while_a_batch_is_explained(start: Callable[..., Any], pinned: Predictor) -> None:
    watched = WatchedExplainer(pinned.explainer)
    client = start(serving=replace(pinned, explainer=watched))
    with ThreadPoolExecutor() as pool:
        batch = pool.submit(client.post, EXPLAINED_BATCH, json={"customers": [CONTRACT.example] * 2})
        wait_until(lambda: watched.threads)
        assert client.post(EXPLAINED, json=CONTRACT.example).status_code == 200
        assert client.post("/predict", json=CONTRACT.example).status_code == 200
        assert client.post("/predict/batch", json={"customers": [CONTRACT.example] * 2}).status_code == 200
        assert not batch.done()
        watched.go.set()
        assert batch.result().status_code == 200
    assert len(watched.threads) == 2
    assert client.portal.call(threading.get_ident) not in watched.threads


def test_trees_that_cannot_be_opened_are_our_fault_and_stop_no_plain_prediction(
    start: Callable[..., Any], pinned: Predictor, models_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trees = bundle.load(models_dir, contract=CONTRACT).path(bundle_files.BOOSTER).read_bytes()
    (tmp_path / "model.ubj").write_bytes(trees.replace(b"binary:logistic", b"binary:logistik"))  # only XGBoost sees it
    client = start(serving=replace(pinned, explainer=Explainer(tmp_path / "model.ubj", CONTRACT)))
    answer = client.post(EXPLAINED, json=CONTRACT.example)

    assert answer.status_code == 500
    assert set(answer.json()) == set(Problem.model_fields)
    assert "model.ubj" not in answer.text
    assert "BoosterUnreadable" in caplog.text
    assert client.post("/predict", json=CONTRACT.example).status_code == 200
    counted = client.get("/metrics").text
    assert sum(float(line[-3:]) for line in counted.splitlines() if line.startswith("churn_predictions_total")) == 1


def test_a_new_model_explains_itself(start: Callable[..., Any], shelf: Path, tmp_path: Path) -> None:
    first = bundle.load(shelf, contract=CONTRACT)
    client = start(models_dir=shelf)
    assert client.post(EXPLAINED, json=CONTRACT.example).json()["model_version"] == first.manifest.version

    files = tmp_path / "files"
    shutil.copytree(first.directory, files, ignore=shutil.ignore_patterns(bundle_files.MANIFEST))
    (fewer := xgb.Booster(model_file=files / bundle_files.BOOSTER)[:5]).save_model(files / bundle_files.BOOSTER)
    told = {name: value for name, value in first.manifest if name in Description.model_fields}
    second = bundle.save(files, Description(**told), CONTRACT, trained_at=first.manifest.trained_at, models_dir=shelf)
    bundle.pin(second, models_dir=shelf)
    client.app_state["inference"].model.refresh()
    answer = client.post(EXPLAINED, json=CONTRACT.example).json()

    rows = xgb.DMatrix(CONTRACT.encode_rows([CustomerFeatures(**CONTRACT.example)]))
    assert answer["model_version"] == second.manifest.version
    assert answer["explanation"]["raw_score"] == pytest.approx(fewer.predict(rows, output_margin=True)[0], abs=1e-5)
