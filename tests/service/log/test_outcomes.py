"""Outcomes reported over HTTP: the responses, and what is in the log afterwards."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from models.features import CONTRACT
from models.log import log_tables, row_ids
from service.json_logging import JsonLines
from service.log import spool_writer
from service.log.shipper import Shipper
from service.log.spool import Spool
from service.model.predictor import Predictor
from tests.service.http.test_problem_details import assert_one_shape

LONG_AGO = datetime.now(UTC) - timedelta(minutes=10)
LOST = row_ids.first_id(LONG_AGO)
LOOKED_SECONDS = 0.5
"""After so long the service has looked into the spool again."""


def outcome_of(identity: str, *, churned: bool = True, at: datetime | None = None) -> dict[str, Any]:
    return {"prediction_id": identity, "churned": churned, "observed_at": (at or datetime.now(UTC)).isoformat()}


class Logging:
    """A service whose predictions reach the log's database when told."""

    def __init__(self, client: TestClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.database = folder / "predictions.db"
        self.ship()  # makes the tables

    def predict(self, rows: int = 1) -> list[str]:
        """Return the ids of so many predictions, which lie in the spool."""
        body = {"customers": [CONTRACT.example] * rows}
        made = self.client.post("/predict/batch", json=body).json()["predictions"]
        while not list(self.folder.glob("spool/*.predictions.page")):
            time.sleep(0.01)
        return [prediction["prediction_id"] for prediction in made]

    def ship(self) -> None:
        with closing(Shipper(Spool(self.folder / "spool"), f"sqlite:///{self.database}")) as shipper:
            assert shipper.ship()

    def report(self, *outcomes: dict[str, Any]) -> Any:
        return self.client.post("/outcomes/batch", json={"outcomes": outcomes})

    def recorded(self) -> dict[str, bool]:
        return {identity: churned for (identity, _), churned in self.reported().items()}

    def reported(self) -> dict[tuple[str, str], bool]:
        """Return the outcomes by prediction and reporter."""
        engine = log_tables.connect(f"sqlite:///{self.database}")
        with engine.connect() as connection:
            rows = connection.execute(sa.select(log_tables.OUTCOMES)).all()
        return {(row.prediction_id, row.reported_by): row.churned for row in rows}


@pytest.fixture
def logging(
    start: Callable[..., TestClient], pinned: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Logging:
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.05)
    monkeypatch.setattr(spool_writer, "LOOK_SECONDS", 0.05)
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    return Logging(start(serving=pinned, log_url=url, output_dir=tmp_path), tmp_path)


@pytest.fixture
def shipped(logging: Logging) -> tuple[str, str]:
    """The ids of two predictions that are in the database."""
    one, other = logging.predict(2)
    logging.ship()
    return one, other


def test_an_outcome_is_told_as_it_is_stored_and_its_repetition_alike(
    logging: Logging, shipped: tuple[str, str]
) -> None:
    sent = outcome_of(shipped[0])
    answers = [logging.client.post("/outcomes", json=sent) for _ in range(2)]
    answers += [logging.client.post("/outcomes", json=outcome_of(shipped[0]))]
    told = answers[0].json()

    assert [answer.status_code for answer in answers] == [200] * 3
    assert [answer.json() for answer in answers[1:]] == [told] * 2
    assert (told["prediction_id"], told["churned"]) == (shipped[0], True)
    assert datetime.fromisoformat(told["observed_at"]) == datetime.fromisoformat(sent["observed_at"])
    assert abs(datetime.now(UTC) - datetime.fromisoformat(told["recorded_at"])) < timedelta(minutes=1)
    assert logging.recorded() == {shipped[0]: True}


def test_a_batch_is_told_in_numbers_and_counted_once(logging: Logging, shipped: tuple[str, str]) -> None:
    one, other = shipped
    assert logging.report(outcome_of(one)).json() == {"new": 1, "known": 0}
    assert logging.report(outcome_of(one), outcome_of(other, churned=False)).json() == {"new": 1, "known": 1}

    assert logging.recorded() == {one: True, other: False}
    counted = logging.client.get("/metrics").text
    assert 'churn_outcomes_total{churned="true",reported_by="anonymous"} 1.0' in counted
    assert 'churn_outcomes_total{churned="false",reported_by="anonymous"} 1.0' in counted


def test_what_an_outcome_lacks_is_said_in_plain_words(logging: Logging) -> None:
    sent = {"prediction_id": "4711", "churned": "yes", "observed_at": "2026-06-01T10:00"}
    body = assert_one_shape(logging.client.post("/outcomes", json=sent), 422)

    assert {problem["path"]: problem["message"] for problem in body["errors"]} == {
        "prediction_id": "Input should be an id from the answer to a prediction: 32 digits, 0-9 and a-f",
        "churned": "Input should be true or false",
        "observed_at": "Input should be a time with its zone, such as 2026-11-29T10:00Z",
    }


def test_an_unknown_prediction_is_named_and_refuses_the_batch(logging: Logging, shipped: tuple[str, str]) -> None:
    body = assert_one_shape(logging.report(outcome_of(shipped[0]), outcome_of(LOST)), 404)

    assert body["detail"].startswith(f"{LOST}: no such prediction.")
    assert logging.recorded() == {}


def test_a_contradiction_is_named_and_what_came_first_stays(logging: Logging, shipped: tuple[str, str]) -> None:
    logging.report(outcome_of(shipped[0]))
    answer = logging.client.post("/outcomes", json=outcome_of(shipped[0], churned=False))

    assert shipped[0] in assert_one_shape(answer, 409)["detail"]
    assert logging.recorded() == {shipped[0]: True}


def test_each_client_has_outcomes_of_its_own_and_a_contradiction_is_counted(
    logging: Logging,
    shipped: tuple[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO", "audit")
    one, other = shipped
    assert logging.report(outcome_of(one), outcome_of(other)).json() == {"new": 2, "known": 0}
    monkeypatch.setattr("service.http.admission.guard.ANONYMOUS", "crm")
    answer = logging.client.post("/outcomes", json=outcome_of(one, churned=False))
    assert (answer.status_code, answer.json()["churned"]) == (200, False)
    assert logging.report(outcome_of(one, churned=False), outcome_of(other)).json() == {"new": 1, "known": 1}
    assert_one_shape(logging.client.post("/outcomes", json=outcome_of(one)), 409)

    assert logging.reported() == {
        (one, "anonymous"): True,
        (other, "anonymous"): True,
        (one, "crm"): False,
        (other, "crm"): True,
    }
    counted = logging.client.get("/metrics").text
    assert 'churn_outcomes_total{churned="false",reported_by="crm"} 1.0' in counted
    assert 'churn_outcomes_contradicted_total{reported_by="crm"} 1.0' in counted
    [line] = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "audit"]
    assert (line["message"], line["prediction_id"]) == ("outcome contradicted", one)
    assert (line["reported_by"], line["contradicts"]) == ("crm", ["anonymous"])


def test_the_outcome_of_a_prediction_that_is_not_in_the_database_yet_is_asked_for_again(logging: Logging) -> None:
    [identity] = logging.predict()
    answer = logging.client.post("/outcomes", json=outcome_of(identity))
    assert identity in assert_one_shape(answer, 503)["detail"]
    assert answer.headers["Retry-After"] == "2"

    logging.ship()
    assert logging.client.post("/outcomes", json=outcome_of(identity)).status_code == 200


def test_a_prediction_as_old_as_the_oldest_page_may_still_come(logging: Logging, shipped: tuple[str, str]) -> None:
    page = logging.folder / "spool" / f"{int(LONG_AGO.timestamp() * 1e3):015d}-0-01234567.predictions.page"
    page.touch()
    time.sleep(LOOKED_SECONDS)
    waiting, other = outcome_of(LOST), outcome_of(row_ids.first_id(LONG_AGO - timedelta(minutes=1)))

    assert_one_shape(logging.report(outcome_of(shipped[0]), waiting), 503)
    body = assert_one_shape(logging.report(outcome_of(shipped[0]), waiting, other), 404)
    assert other["prediction_id"] in body["detail"]
    assert LOST not in body["detail"]
    page.unlink()
    time.sleep(LOOKED_SECONDS)
    assert_one_shape(logging.report(outcome_of(shipped[0]), waiting), 404)


@pytest.mark.parametrize(
    ("identity", "status"),
    [("0" * 32, 404), (row_ids.first_id(datetime.now(UTC) + timedelta(hours=1)), 404), ("f" * 32, 422)],
    ids=["long ago", "in an hour", "after all times"],
)
def test_an_id_of_a_time_that_cannot_be_is_never_waited_for(logging: Logging, identity: str, status: int) -> None:
    assert_one_shape(logging.report(outcome_of(identity)), status)


def test_a_time_that_cannot_be_is_refused_by_its_path(logging: Logging, shipped: tuple[str, str]) -> None:
    early = outcome_of(shipped[1], at=datetime.now(UTC) - timedelta(days=2))
    body = assert_one_shape(logging.report(outcome_of(shipped[0]), early), 422)

    assert [(error["path"], error["code"]) for error in body["errors"]] == [
        ("outcomes.1.observed_at", "before_the_prediction")
    ]


@pytest.mark.parametrize(("rows", "status"), [(0, 422), (10_000, 200), (10_001, 422)])
def test_a_batch_holds_one_to_ten_thousand_outcomes(
    logging: Logging, shipped: tuple[str, str], rows: int, status: int
) -> None:
    assert logging.report(*[outcome_of(shipped[0])] * rows).status_code == status


def test_without_a_log_there_is_nothing_to_report_to(client: TestClient) -> None:
    answer = client.post("/outcomes", json=outcome_of(LOST))

    assert "SERVICE_LOG_URL" in assert_one_shape(answer, 503)["detail"]


def test_a_log_that_is_gone_is_said_and_found_again(logging: Logging, shipped: tuple[str, str]) -> None:
    aside = logging.folder / "aside.db"
    logging.database.rename(aside)
    answer = logging.report(outcome_of(shipped[0]))
    assert "does not answer" in assert_one_shape(answer, 503)["detail"]

    shutil.copy(aside, logging.database)
    assert logging.report(outcome_of(shipped[0])).status_code == 200


@pytest.fixture
def locked(logging: Logging) -> Iterator[sqlite3.Connection]:
    """The database while another program writes to it."""
    with closing(sqlite3.connect(logging.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield holder


def test_while_an_outcome_waits_for_the_database_all_others_are_answered(
    logging: Logging, shipped: tuple[str, str], locked: sqlite3.Connection
) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(logging.report, outcome_of(shipped[0]))
        time.sleep(0.3)
        assert logging.client.post("/predict", json=CONTRACT.example).status_code == 200
        assert not waiting.done()
        locked.execute("ROLLBACK")
        assert waiting.result().status_code == 200


def test_an_outcome_waits_only_so_long(
    logging: Logging, shipped: tuple[str, str], locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_tables, "BUSY_SECONDS", 0.1)
    assert_one_shape(logging.report(outcome_of(shipped[0])), 503)
    locked.execute("ROLLBACK")

    assert logging.report(outcome_of(shipped[0])).status_code == 200


@pytest.mark.postgres
@pytest.mark.parametrize(("database", "workers"), [("sqlite", "1"), ("postgresql", "2")])
def test_a_real_service_takes_the_outcome_of_what_it_just_answered(
    launch: Callable[..., Any], tmp_path: Path, request: pytest.FixtureRequest, database: str, workers: str
) -> None:
    sqlite = f"sqlite:///{tmp_path / 'predictions.db'}"
    url = sqlite if database == "sqlite" else request.getfixturevalue("postgres_url")
    service = launch("--log-url", url, "--output-dir", str(tmp_path), "--workers", workers)

    def report(outcome: dict[str, Any]) -> tuple[int, Any]:
        status, body = service.ask("POST", "/outcomes", json.dumps(outcome))
        return status, json.loads(body)

    made = json.loads(service.ask("POST", "/predict", json.dumps(CONTRACT.example))[1])
    outcome = outcome_of(made["prediction_id"])
    until = time.monotonic() + 60
    while (told := report(outcome))[0] == 503:  # the first second, and at the first start until the tables are made
        assert time.monotonic() < until
        time.sleep(0.2)

    assert told[0] == 200
    assert report(outcome) == told
    assert report(outcome | {"churned": False})[0] == 409
    assert report(outcome_of(LOST))[0] == 404
    assert service.ask("GET", "/docs")[0] == 200
