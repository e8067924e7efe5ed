"""Treatments reported over HTTP, and the holdout: the answers, and what is in the log afterwards."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from models.features import CONTRACT
from models.log import log_tables
from service.model.holdout import Holdout
from service.model.predictor import Predictor
from tests.service.http.test_problem_details import assert_one_shape
from tests.service.log.test_outcomes import LOST, Logging

NAMES = [f"C-{number}" for number in range(40)]


@pytest.fixture
def logging(start: Callable[..., TestClient], pinned: Predictor, tmp_path: Path) -> Logging:
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    client = start(
        serving=pinned, log_url=url, output_dir=tmp_path, holdout_fraction=0.3, holdout_name="spring", page=False
    )
    return Logging(client, tmp_path)


def report(logging: Logging, *treatments: dict[str, Any]) -> Any:
    return logging.client.post("/treatments/batch", json={"treatments": treatments})


def offer_of(identity: str, offer: str = "high") -> dict[str, Any]:
    return {"prediction_id": identity, "offer": offer, "given_at": datetime.now(UTC).isoformat()}


def predict(logging: Logging) -> dict[str, dict[str, Any]]:
    """Predict each customer alone, and two together, one of them without an id; return the answers by customer."""
    customers = [CONTRACT.example | {"customer_id": name} for name in NAMES]
    told = {name: logging.client.post("/predict", json=one).json() for name, one in zip(NAMES, customers, strict=True)}
    body = {"customers": [CONTRACT.example, customers[0]]}
    nobody, again = logging.client.post("/predict/batch?explain=true", json=body).json()["predictions"]
    assert "held_out" not in nobody
    assert again["held_out"] == told[NAMES[0]]["held_out"]
    return told | {"": nobody}


def test_the_same_customers_are_held_out_and_offers_to_them_are_counted(
    logging: Logging, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "audit")
    told = predict(logging)
    drawn = Holdout(fraction=0.3, name="spring")
    assert {name: told[name]["held_out"] for name in NAMES} == {name: drawn.has(name) for name in NAMES}
    held, free = (next(name for name in NAMES if drawn.has(name) is wanted) for wanted in (True, False))
    logging.client.__exit__(None, None, None)  # writes the last page
    logging.ship()
    with log_tables.connect(f"sqlite:///{logging.database}").connect() as connection:
        rows = connection.execute(sa.select(log_tables.PREDICTIONS)).all()
    stored = {row.prediction_id: row.held_out for row in rows}
    assert {told[name]["prediction_id"]: drawn.has(name) for name in NAMES}.items() <= stored.items()
    assert stored[told[""]["prediction_id"]] is None

    with logging.client:
        sent = [offer_of(told[held]["prediction_id"], "medium"), offer_of(told[free]["prediction_id"])]
        one = logging.client.post("/treatments", json=sent[1])
        assert (one.status_code, one.json()["offer"]) == (200, "high")
        assert logging.client.post("/treatments", json=sent[1]).json() == one.json()
        assert report(logging, *sent).json() == {"new": 1, "known": 1}
        differs = assert_one_shape(report(logging, offer_of(told[held]["prediction_id"], "none")), 409)
        assert "another offer is known" in differs["detail"]
        assert assert_one_shape(report(logging, offer_of(LOST)), 404)["detail"].startswith(f"{LOST}: no such")
        wrong = assert_one_shape(report(logging, offer_of(LOST, "gold")), 422)
        assert "'none', 'medium' or 'high'" in json.dumps(wrong["errors"])
        counted = logging.client.get("/metrics").text
    assert 'churn_treatments_total{offer="high",reported_by="anonymous"} 1.0' in counted
    assert 'churn_holdouts_broken_total{reported_by="anonymous"} 1.0' in counted
    [line] = [record for record in caplog.records if record.message == "held-out customer treated"]
    assert line.facts["prediction_id"] == told[held]["prediction_id"]  # type: ignore[attr-defined]  # of the audit log


def test_without_the_setting_answers_and_rows_are_as_before(
    start: Callable[..., TestClient], pinned: Predictor, tmp_path: Path
) -> None:
    client = start(serving=pinned, log_url=f"sqlite:///{tmp_path / 'predictions.db'}", output_dir=tmp_path)
    told = client.post("/predict", json=CONTRACT.example | {"customer_id": "C-1"}).json()
    assert "held_out" not in told
    client.__exit__(None, None, None)
    [page] = tmp_path.glob("spool/*.predictions.page")
    assert page.read_text().count("\t") == len(log_tables.PREDICTIONS.columns) - 1  # a checksum more, a column less
