"""The log as requests use it: the content of a row, the logged inputs, and a full disk."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.features import CONTRACT, CustomerFeatures
from models.log.row_ids import first_id
from service.app import create_app
from service.log import prediction_log, spool_writer
from service.log.logged_inputs import InputKeeper
from service.log.page_format import NULL
from service.log.prediction_log import SpooledLog
from service.log.spool import Spool
from service.metrics.metrics import Metrics
from service.model.predictor import Predictor
from service.settings import Settings
from tests.service.log_pages import logged
from tests.waiting import wait_until

URL = "sqlite:///never-opened.db"


@pytest.fixture
def logging_client(pinned: Predictor, tmp_path: Path) -> Callable[..., TestClient]:
    """Make a client whose service runs, and keeps a log, for as long as a `with` lasts."""
    return lambda **settings: TestClient(
        create_app(Settings(log_url=URL, output_dir=tmp_path, **settings), serving=pinned), base_url="http://localhost"
    )


def test_every_prediction_becomes_a_row_that_says_what_was_answered(
    logging_client: Callable[..., TestClient], tmp_path: Path, customers: list[dict[str, Any]]
) -> None:
    with logging_client() as client:
        answers = [client.post("/predict", json=customers[0]).json()]
        answers += client.post("/predict/batch", json={"customers": customers[1:50]}).json()["predictions"]
        answers.append(client.post("/predict?explain=true", json=customers[50]).json())

    rows = logged(tmp_path)
    assert len(rows) == 51
    for row, answer, customer in zip(rows, answers, customers, strict=False):
        identity, made_at, version, features, digest, probability, decision, tier, customer_digest = row
        assert identity == answer["prediction_id"]
        assert f"{made_at}Z".replace(" ", "T") == answer["prediction_timestamp"]
        assert version == answer["model_version"]
        assert json.loads(features or "") == customer
        assert (digest, customer_digest) == (NULL, NULL)
        assert float(probability or "") == answer["churn_probability"]
        assert (decision == "1", tier) == (answer["churn_prediction"], answer["risk_tier"])


def test_ids_lie_in_the_order_of_time(client: Any) -> None:
    answers = [client.post("/predict", json=CONTRACT.example).json() for _ in range(3)]
    for answer in answers:
        made_at = datetime.fromisoformat(answer["prediction_timestamp"])
        assert first_id(made_at) <= answer["prediction_id"] < first_id(made_at + timedelta(milliseconds=1))


def test_requests_are_counted_and_refused_ones_by_field(
    logging_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    wrong = CONTRACT.example | {"tenure_months": -1, "invented": 1}
    with logging_client() as client:
        client.post("/predict", json=CONTRACT.example)
        client.post("/predict/batch", json={"customers": [CONTRACT.example] * 3})
        client.post("/predict/batch", json={"customers": [CONTRACT.example, wrong]})
        client.post("/predict", content=b"no JSON", headers={"Content-Type": "application/json"})

    counted = logged(tmp_path, "traffic")
    assert sum(int(row[2] or 0) for row in counted) == 2
    assert sum(int(row[3] or 0) for row in counted) == 2
    fields = [json.loads(row[4] or "") for row in counted]
    assert sum(found.get("tenure_months", 0) for found in fields) == 1
    assert sum(found.get("other", 0) for found in fields) == 2


def test_hashed_inputs_tell_alike_from_different_and_nothing_else(
    logging_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    for _ in range(2):  # the key outlives the service
        with logging_client(log_inputs="hashed") as client:
            client.post("/predict", json=CONTRACT.example)
            client.post("/predict", json=CONTRACT.example | {"tenure_months": 5})

    digests = [row[4] or "" for row in logged(tmp_path)]
    assert digests[:2] == digests[2:]
    assert digests[0] != digests[1]
    assert {len(digest) for digest in digests} == {64}
    assert {row[3] for row in logged(tmp_path)} == {NULL}
    assert (tmp_path / "inputs.key").stat().st_mode & 0o077 == 0


def test_inputs_may_be_left_out_altogether(logging_client: Callable[..., TestClient], tmp_path: Path) -> None:
    with logging_client(log_inputs="none") as client:
        client.post("/predict", json=CONTRACT.example)

    [row] = logged(tmp_path)
    assert row[3:5] == (NULL, NULL)


def test_a_full_spool_drops_and_says_how_much(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    with logging_client(max_spool_bytes=1) as client:
        client.post("/predict", json=CONTRACT.example)
        wait_until(lambda: len(logged(tmp_path)) == 1)
        client.post("/predict/batch", json={"customers": [CONTRACT.example] * 7})
        wait_until(lambda: "churn_log_dropped_rows_total 7.0" in client.get("/metrics").text)
        health = client.get("/health").json()
        assert client.post("/predict", json=CONTRACT.example).status_code == 200

    assert health["status"] == "degraded"
    assert "not logged" in health["reason"]
    assert len(logged(tmp_path)) == 1
    assert sum(int(row[5] or 0) for row in logged(tmp_path, "traffic")) == 8


def test_a_disk_that_fails_for_a_while_costs_nothing(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    with logging_client() as client:
        wait_until(lambda: "churn_log_queue_rows 0.0" in client.get("/metrics").text)
        shutil.rmtree(tmp_path / "spool", ignore_errors=True)
        (tmp_path / "spool").write_text("in the way of the folder")
        client.post("/predict", json=CONTRACT.example)
        wait_until(lambda: "churn_log_queue_rows 1.0" in client.get("/metrics").text)
        (tmp_path / "spool").unlink()
        wait_until(lambda: len(logged(tmp_path)) == 1)


def test_pages_that_nobody_ships_degrade_the_service(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.log.prediction_log.LATE_SECONDS", 0.2)
    monkeypatch.setattr(spool_writer, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    Spool(tmp_path / "spool").explain("the disk of the database is full")
    with logging_client() as client:
        assert client.get("/health").json()["status"] == "healthy"
        client.post("/predict", json=CONTRACT.example)
        wait_until(lambda: client.get("/health").json()["status"] == "degraded")
        assert "the disk of the database is full" in client.get("/health").json()["reason"]
        assert client.get("/health/ready").status_code == 200
        for page in Spool(tmp_path / "spool").pages():
            page.unlink()
        wait_until(lambda: client.get("/health").json()["status"] == "healthy")


def test_a_disk_that_fails_is_told_and_what_is_lost_in_the_end_is_counted(
    logging_client: Callable[..., TestClient],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr("service.log.prediction_log.LATE_SECONDS", 0.2)
    (tmp_path / "spool").write_text("in the way of the folder")
    with logging_client() as client:
        client.post("/predict/batch", json={"customers": [CONTRACT.example] * 7})
        wait_until(lambda: "held in memory: " in (client.get("/health").json()["reason"] or ""))
        assert "The folder spool of the prediction log cannot be read: " in client.get("/health").json()["reason"]

    [said] = [record.message for record in caplog.records if record.name == "service.log.prediction_log"]
    assert said.startswith("predictions are not logged any more: ")


class HangingSpool(Spool):
    """A disk that does not answer."""

    def write(self, table: str, lines: Sequence[str], *, since: int) -> int:  # noqa: ARG002
        time.sleep(60)
        return 0


def test_a_disk_that_hangs_is_told_and_memory_stays_bounded(
    pinned: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_log, "MAX_QUEUED_ROWS", 100)
    monkeypatch.setattr(prediction_log, "LATE_SECONDS", 0.1)
    metrics = Metrics()
    log = SpooledLog(HangingSpool(tmp_path), keep=InputKeeper("none", tmp_path), max_bytes=10**9, metrics=metrics)
    predicted = pinned.predict([CustomerFeatures(**CONTRACT.example)] * 40)
    log.put([predicted])
    threading.Thread(target=log.write, daemon=True).start()
    time.sleep(0.2)
    for _ in range(10):
        log.put([predicted])

    assert log.problem is not None
    assert "the disk does not answer" in log.problem
    assert len(log._rows) == 120
    assert b"churn_log_dropped_rows_total 280.0" in metrics.expose()


def test_a_refusal_is_counted_at_once_and_answers_from_time_to_time(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_writer, "TRAFFIC_SECONDS", 3_600)
    with logging_client() as client:
        client.post("/predict", json=CONTRACT.example)
        wait_until(lambda: len(logged(tmp_path)) == 1)
        counted = len(logged(tmp_path, "traffic"))
        client.post("/predict", json=CONTRACT.example)
        client.post("/predict", json={})
        wait_until(lambda: len(logged(tmp_path, "traffic")) > counted)

    rows = logged(tmp_path, "traffic")
    assert [sum(int(row[at] or 0) for row in rows) for at in (2, 3)] == [2, 1]


def test_whole_numbers_are_logged_alike_however_they_are_written(
    logging_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    whole = {name: float(value) for name, value in CONTRACT.example.items() if type(value) is int}
    both = [CONTRACT.example, CONTRACT.example | whole]
    with logging_client() as client:
        assert client.post("/predict/batch", json={"customers": both}).status_code == 200
        assert all(client.post("/predict", json=customer).status_code == 200 for customer in both)

    assert len({row[3] for row in logged(tmp_path)}) == 1


def test_counts_of_requests_outlast_a_disk_that_fails(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_writer, "TRAFFIC_SECONDS", 0.01)
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    (tmp_path / "spool").write_text("in the way of the folder")
    with logging_client() as client:
        client.post("/predict", json=CONTRACT.example)
        time.sleep(0.2)
        (tmp_path / "spool").unlink()
        wait_until(lambda: len(logged(tmp_path)) == 1)

    assert sum(int(row[2] or 0) for row in logged(tmp_path, "traffic")) == 1
