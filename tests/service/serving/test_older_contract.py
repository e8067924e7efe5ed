"""A model that was trained before a compatible change of the contract is served, and the service says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.bundles import bundle
from models.bundles.format import bundle_files
from models.customer.contract import fingerprint_of
from models.features import CONTRACT
from service.customers import Customer
from service.model import predictor
from service.model.shadow import UnscoredBatch

pytestmark = pytest.mark.shipped

WIDENED = "tenure_months has values up to 120, before 60"


def age(shelf: Path) -> None:
    """Let the pinned model be one that was trained with narrower bounds."""
    path = next(shelf.rglob(bundle_files.MANIFEST))
    manifest = json.loads(path.read_text())
    fields = {one["name"]: one for one in manifest["features"]}
    fields["tenure_months"]["limits"]["le"] = 60
    schemas = [{key: one[key] for key in one if key != "labels"} for one in manifest["features"]]
    path.write_text(json.dumps(manifest | {"fingerprint": fingerprint_of(schemas)}))
    pin = json.loads((shelf / "pinned.json").read_text()) | {"digest": bundle.digest(path)}
    (shelf / "pinned.json").write_text(json.dumps(pin))


def test_it_is_served_and_the_change_is_told(start: Callable[..., Any], shelf: Path, client: Any) -> None:
    age(shelf)
    old = start(models_dir=shelf)
    before, after = (one.post("/predict", json=CONTRACT.example).json() for one in (client, old))
    assert before["churn_probability"] == after["churn_probability"]
    assert old.post("/predict", json=CONTRACT.example | {"tenure_months": 100}).status_code == 200
    assert (old.get("/health").json()["status"], old.get("/health").json()["contract_changes"]) == (
        "healthy",
        [WIDENED],
    )
    assert old.get("/model").json()["contract_changes"] == [WIDENED]
    assert old.get("/model").json()["fingerprint"] != CONTRACT.fingerprint


def test_the_log_says_what_has_changed(
    start: Callable[..., Any], shelf: Path, caplog: pytest.LogCaptureFixture
) -> None:
    age(shelf)
    start(models_dir=shelf)
    assert f"was trained before the contract changed: {WIDENED}" in caplog.text


def test_explanations_add_up(start: Callable[..., Any], shelf: Path) -> None:
    age(shelf)
    explained = start(models_dir=shelf).post("/predict?explain=true", json=CONTRACT.example).json()["explanation"]
    assert set(explained["contributions"]) == set(CONTRACT.names)
    total = explained["base_value"] + sum(explained["contributions"].values())
    assert total == pytest.approx(explained["raw_score"])


def test_a_shadow_of_another_contract_encodes_the_customers_itself(shelf: Path) -> None:
    champion = predictor.load(shelf)
    age(shelf)
    older = predictor.load(shelf)
    rows = [Customer.model_validate(CONTRACT.example)]
    predicted = champion.predict(rows)
    waiting = UnscoredBatch(older)
    waiting.add(predicted._replace(matrix=predicted.matrix * 0))
    _, differences = waiting.score()
    assert differences.tolist() == [0]


def test_the_changes_are_computed_once(shelf: Path) -> None:
    age(shelf)
    older = predictor.load(shelf)
    assert older.contract_changes == [WIDENED]
    assert older.contract_changes is older.contract_changes
