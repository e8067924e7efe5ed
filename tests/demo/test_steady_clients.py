"""The steady clients count every failed request, so zero failures is a result."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from demo import steady_clients
from demo.populations import CALM, SHIFTED
from demo.running_service import running
from models.bundles import pins
from models.log import log_tables
from tests.waiting import wait_until


def test_every_answer_is_counted_by_model_and_its_outcome_reported(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steady_clients, "REPORT_AFTER", 20)
    log = f"sqlite:///{tmp_path / 'predictions.db'}"
    own = {"SERVICE_LOG_URL": log, "SERVICE_OUTPUT_DIR": str(tmp_path)}
    with running(root / "models", tmp_path / "service.log", **own) as service:
        with steady_clients.asking(service.url, CALM) as customers:
            wait_until(lambda: customers.asked > 200)
            customers.world = SHIFTED
            wait_until(lambda: customers.asked > 400)
        assert customers.failures == []
        assert list(customers.answers) == [pins.read(root / "models").version]
        engine = log_tables.connect(log)
        with engine.connect() as connection:
            outcomes = connection.scalar(sa.select(sa.func.count()).select_from(log_tables.OUTCOMES))
        engine.dispose()
        assert outcomes is not None
        assert outcomes > 100
        assert customers.unreported == 0


def test_a_service_that_is_gone_is_a_failure_for_each_request(root: Path, tmp_path: Path) -> None:
    with (
        running(root / "models", tmp_path / "service.log", SERVICE_OUTPUT_DIR=str(tmp_path)) as service,
        steady_clients.asking(service.url, CALM) as customers,
    ):
        wait_until(lambda: customers.asked > 20)
    with steady_clients.asking(service.url, CALM) as customers:
        wait_until(lambda: len(customers.failures) > 20)
    assert customers.answers.total() == 0
    assert "Connection refused" in customers.failures[0]


class Broken(BaseHTTPRequestHandler):
    """Answers with a page, as a proxy does, or with JSON that is no prediction."""

    status, page = 502, b"<html>"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.mark.parametrize(("status", "page"), [(502, b"<html>"), (500, b"{}"), (200, b"<html>"), (200, b"{}")])
def test_an_answer_that_is_no_prediction_is_a_failure_each_time(
    status: int, page: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Broken, "status", status)
    monkeypatch.setattr(Broken, "page", page)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with steady_clients.asking(f"http://127.0.0.1:{server.server_port}", CALM) as customers:
            wait_until(lambda: len(customers.failures) > 3 * steady_clients.CLIENTS)
    finally:
        server.shutdown()
        server.server_close()
    assert customers.answers.total() == 0
