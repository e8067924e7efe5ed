import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.bundles import bundle
from models.bundles.format import bundle_files
from models.features import CONTRACT


def assert_up_but_not_serving(start: Callable[..., Any], models_dir: Path, reason: str) -> None:
    client = start(models_dir=models_dir)
    for answer in (
        client.post("/predict", json=CONTRACT.example),
        client.post("/predict/batch", json={"customers": [CONTRACT.example]}),
        client.get("/risk-tiers"),
        client.get("/model"),
        client.get("/health/ready"),
    ):
        assert answer.status_code == 503
        assert reason in answer.json()["detail"]
        assert str(models_dir) not in answer.text
    health = client.get("/health")
    assert health.status_code == 200
    assert (health.json()["status"], health.json()["model_loaded"]) == ("degraded", False)
    assert reason in health.json()["reason"]
    assert str(models_dir) not in health.text
    assert client.get("/health/live").status_code == 200
    counted = client.get("/metrics").text
    assert "churn_model_loaded 0.0" in counted
    assert "churn_model_pinned 0.0" in counted
    assert "churn_model_swap_failures_total 1.0" in counted


def test_one_changed_byte_in_any_file_is_refused_by_name(start: Callable[..., Any], shelf: Path) -> None:
    files = sorted(path for path in shelf.rglob("*") if path.is_file() and path.name != "pinned.json")
    assert {bundle_files.MANIFEST, bundle_files.GRAPH, bundle_files.BOOSTER, bundle_files.REFERENCE} <= {
        path.name for path in files
    }

    for path in files:
        published = path.read_bytes()
        middle = len(published) // 2
        path.write_bytes(published[:middle] + bytes([published[middle] ^ 1]) + published[middle + 1 :])
        assert_up_but_not_serving(start, shelf, reason=path.name)
        path.write_bytes(published)

    assert start(models_dir=shelf).post("/predict", json=CONTRACT.example).status_code == 200


def test_a_missing_file_is_refused_by_name(start: Callable[..., Any], shelf: Path) -> None:
    next(shelf.rglob(bundle_files.GRAPH)).unlink()

    assert_up_but_not_serving(start, shelf, reason=bundle_files.GRAPH)


def test_a_pin_that_is_none_is_refused(start: Callable[..., Any], shelf: Path) -> None:
    (shelf / "pinned.json").write_text("{")

    assert_up_but_not_serving(start, shelf, reason="pinned.json")


def test_a_model_of_another_contract_is_refused(start: Callable[..., Any], shelf: Path) -> None:
    manifest = next(shelf.rglob(bundle_files.MANIFEST))
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"fingerprint": "f" * 64}))
    pin = json.loads((shelf / "pinned.json").read_text()) | {"digest": bundle.digest(manifest)}
    (shelf / "pinned.json").write_text(json.dumps(pin))

    assert_up_but_not_serving(start, shelf, reason="fingerprint")


def test_the_log_says_once_why_and_what_to_do(
    start: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = start(models_dir=tmp_path)
    client.post("/predict", json=CONTRACT.example)
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]

    assert len(errors) == 1
    assert f"{tmp_path / 'pinned.json'}: no model is pinned" in errors[0]
    assert "training fit --pin" in errors[0]
