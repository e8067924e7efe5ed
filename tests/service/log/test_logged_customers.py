"""A customer is told apart in the log by a keyed digest of the id, which is stored nowhere itself."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.features import CONTRACT
from service.app import create_app
from service.customers import Customer
from service.log import prediction_rows, spool_writer
from service.log.logged_inputs import InputKeeper
from service.log.page_format import NULL
from service.model.predictor import Predictor
from service.settings import Settings
from tests.service.log_pages import logged
from tests.waiting import wait_until

DIGEST = -1
"""The place of the digest in a row."""


@pytest.fixture
def logging_client(pinned: Predictor, tmp_path: Path) -> Callable[..., TestClient]:
    """Make a client whose service keeps a log for as long as a `with` lasts."""
    same: dict[str, Any] = {"log_url": "sqlite:///never-opened.db", "output_dir": tmp_path}
    return lambda **settings: TestClient(
        create_app(Settings(**same, **settings), serving=pinned), base_url="http://localhost"
    )


def named(name: str | None) -> dict[str, Any]:
    return CONTRACT.example | ({} if name is None else {"customer_id": name})


def digests(folder: Path) -> list[str]:
    return [row[DIGEST] for row in logged(folder)]


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_same_id_has_the_same_digest_in_every_request_and_after_a_restart(
    logging_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    for _ in range(2):
        with logging_client() as client:
            client.post("/predict", json=named("C-1047"))
            client.post("/predict?explain=true", json=named("C-1047"))
            client.post("/predict/batch", json={"customers": [named(name) for name in ("C-1047", "C-1048", None)]})

    one, explained, first, other, none = digests(tmp_path)[:5]
    assert one == explained == first
    assert (len(one), len({one, other}), none) == (32, 2, NULL)
    assert digests(tmp_path)[5:] == digests(tmp_path)[:5]


def test_the_id_itself_is_stored_nowhere(logging_client: Callable[..., TestClient], tmp_path: Path) -> None:
    names = ["Kunde Müller", "tab\tand\nline\\N", "C-1047", "\N{SNOWMAN}" * 64]
    with logging_client() as client:
        answers = [client.post("/predict", json=named(name)) for name in names]
        answers.append(client.post("/predict/batch", json={"customers": [named(name) for name in names]}))

    assert {answer.status_code for answer in answers} == {200}
    assert len(logged(tmp_path)) == 8
    assert len(set(digests(tmp_path))) == 4
    assert [name for name in names if name.split("\t")[0].encode() in bytes_of(tmp_path)] == []


def test_it_can_be_switched_off(logging_client: Callable[..., TestClient], tmp_path: Path) -> None:
    with logging_client(log_customers=False) as client:
        client.post("/predict", json=named("C-1047"))
        client.post("/predict/batch", json={"customers": [named("C-1047")]})

    assert digests(tmp_path) == [NULL, NULL]
    assert not (tmp_path / "inputs.key").exists()


def test_inputs_and_customers_are_digested_with_the_same_key_in_different_ways(
    logging_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    with logging_client(log_inputs="hashed") as client:
        client.post("/predict", json=named("C-1047"))

    [row] = logged(tmp_path)
    assert (row[3], len(row[4]), len(row[DIGEST])) == (NULL, 64, 32)
    assert row[DIGEST] not in row[4]


def test_another_key_gives_other_digests(pinned: Predictor, tmp_path: Path) -> None:
    predicted = pinned.predict([Customer(**named("C-1047"))])
    keepers = [InputKeeper("plain", tmp_path / name, customers=True) for name in ("a", "a", "b")]
    lines = [prediction_rows.complete(prediction_rows.make(predicted, keep), keep)[0] for keep in keepers]

    assert lines[0] == lines[1] != lines[2]
    assert lines[0].rpartition("\t")[0] == lines[2].rpartition("\t")[0]


def test_with_a_damaged_key_rows_have_no_digest_until_it_is_repaired(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    (tmp_path / "inputs.key").write_bytes(b"short")
    with logging_client() as client:
        client.post("/predict", json=named("C-1047"))
        wait_until(lambda: digests(tmp_path) == [NULL])
        assert "Rows are logged without a digest: inputs.key cannot be used" in client.get("/health").json()["reason"]
        (tmp_path / "inputs.key").write_bytes(os.urandom(32))
        wait_until(lambda: client.get("/health").json()["reason"] is None)
        client.post("/predict", json=named("C-1047"))
        wait_until(lambda: len(digests(tmp_path)) == 2)

    assert len(digests(tmp_path)[1]) == 32


def test_a_disk_that_fails_for_a_while_changes_no_digest(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    (tmp_path / "spool").write_text("in the way of the folder")
    with logging_client() as client:
        client.post("/predict", json=named("C-1047"))
        wait_until(lambda: "churn_log_queue_rows 1.0" in client.get("/metrics").text)
        (tmp_path / "spool").unlink()
        client.post("/predict", json=named("C-1047"))
        wait_until(lambda: len(logged(tmp_path)) == 2)

    assert len(set(digests(tmp_path))) == 1
    assert len(digests(tmp_path)[0]) == 32


def test_the_digest_of_a_request_over_http_reaches_the_database(launch: Callable[..., Any], tmp_path: Path) -> None:
    database = tmp_path / "log.db"
    service = launch(environment={"SERVICE_LOG_URL": f"sqlite:///{database}", "SERVICE_OUTPUT_DIR": str(tmp_path)})
    body = Customer(**named("C-1047")).model_dump_json()
    for _ in range(2):
        assert service.ask("POST", "/predict", body)[0] == 200
    service.stop()

    with sqlite3.connect(database) as connection:
        found = [row[0] for row in connection.execute("SELECT customer_digest FROM predictions")]
    connection.close()
    assert len(found) == 2
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert b"C-1047" not in bytes_of(tmp_path)
