"""Every option of `python -m service`, of the demo and of its generator, each run once, with what it changes."""

import http.client
import json
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from demo import generator
from demo.populations import CALM
from demo.running_service import free_port
from demo.settings import DemoSettings
from models.features import CONTRACT
from models.log import log_tables
from models.log.errors import LogMissing
from service.access import keys_command
from service.settings import Settings
from tests.certificates import make_certificate
from tests.e2e.commands.programs import LOOPBACK, Program, fetched, require_all, unused
from tests.service.language_model import answering
from tests.waiting import wait_until
from training.data import synthetic

pytestmark = [pytest.mark.shipped, pytest.mark.shipped_model, pytest.mark.slow]

COLUMNS = '[features]\ntenure_months = { column = "months" }\n'
BURST = 8
PATIENT = {"SERVICE_MAX_TURN_SECONDS": "5"}
"""A busy machine is not what is tested."""


@pytest.fixture(scope="module")
def service(root: Path) -> Program:
    return Program("service", root)


@pytest.fixture(scope="module")
def keys(root: Path) -> Program:
    return Program("service keys", root)


@pytest.fixture(scope="module")
def demo(root: Path) -> Program:
    return Program("demo", root)


@pytest.fixture(scope="module")
def customers(root: Path) -> Program:
    return Program("demo.generator", root)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A file for what a program says that does not end by itself."""
    path = tmp_path / "said.log"
    yield path
    print(path.read_text())  # noqa: T201  # pytest shows it where the test failed


def ask(host: str, port: int, path: str, body: Any, **headers: str) -> int:
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
        connection.request("POST", path, json.dumps(body), sent)
        return connection.getresponse().status


def rows_in(url: str, table: sa.Table = log_tables.PREDICTIONS) -> list[Any]:
    """Return the rows of a log, in the order of their ids; none while it is not there yet."""
    try:
        engine = log_tables.connect(url)
    except LogMissing:
        return []
    try:
        with engine.connect() as connection:
            return list(connection.execute(sa.select(table).order_by(table.c.prediction_id)).all())
    except SQLAlchemyError:
        return []
    finally:
        engine.dispose()


def test_the_service_listens_keeps_and_stops_as_it_was_told(
    service: Program, shelf: Path, tmp_path: Path, log: Path
) -> None:
    port, url = free_port(), f"sqlite:///{tmp_path / 'kept' / 'predictions.db'}"
    address = ("--host", LOOPBACK, "--port", port, "--workers", 2, "--models-dir", shelf, "--no-page")
    limits = ("--max-body-bytes", 1_000, "--log-lines-per-second", 0, "--drain-seconds", 4)
    kept = ("--log-url", url, "--log-inputs", "hashed", "--no-log-customers", "--output-dir", tmp_path / "out")
    held = ("--holdout-fraction", 0.5, "--holdout-name", "winter")
    with service.started(*address, *limits, *kept, *held, log=log, **PATIENT) as process:
        wait_until(lambda: fetched(f"http://{LOOPBACK}:{port}/health/ready"), 60)
        assert "swagger" in fetched(f"http://{LOOPBACK}:{port}/")
        assert ask(LOOPBACK, port, "/predict", CONTRACT.example | {"customer_id": "C-1047"}) == 200
        assert ask(LOOPBACK, port, "/predict/batch", {"customers": [CONTRACT.example] * 3}) == 200
        assert ask(LOOPBACK, port, "/predict/batch", {"customers": [CONTRACT.example] * 30}) == 413
        if LOOPBACK != "127.0.0.1":
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
        wait_until(lambda: len(rows_in(url)) == 4, 30)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert time.monotonic() - told >= 4
    assert all(row.features is None and len(row.inputs_digest) == 64 for row in rows_in(url))
    assert {row.customer_digest for row in rows_in(url)} == {None}
    assert sorted(row.held_out is None for row in rows_in(url)) == [False, True, True, True]  # one has an id
    assert (tmp_path / "out" / "inputs.key").exists()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum("Started server process" in line["message"] for line in lines) == 2
    assert [line["status"] for line in lines if line["message"] == "request"] == [413]


def test_the_service_asks_for_the_keys_that_were_made(
    service: Program, keys: Program, shelf: Path, tmp_path: Path, log: Path
) -> None:
    port, ops, file = free_port(), free_port(), tmp_path / "keys.toml"
    old = keys.run("add", "crm", "--keys-file", file, "--scopes", "predict,read", "--expires-in", "1d").out.strip()
    address = ("--port", port, "--ops-port", ops, "--ops-host", LOOPBACK, "--models-dir", shelf)
    access = ("--keys-file", file, "--allowed-hosts", "api.example.com", "--trusted-proxies", "127.0.0.1")
    with service.started(*address, *access, "--log-url", "", log=log, **PATIENT):
        wait_until(lambda: fetched(f"http://127.0.0.1:{port}/health/ready"), 60)

        def status(key: str, host: str = "api.example.com") -> int:
            return ask("127.0.0.1", port, "/predict", CONTRACT.example, Host=host, X_API_Key=key)

        assert [status("no key"), status(old), status(old, "localhost")] == [401, 200, 400]
        assert fetched(f"http://127.0.0.1:{port}/metrics") == ""
        assert counted("churn_client_requests_total", fetched(f"http://{LOOPBACK}:{ops}/metrics")) == 1
        new = keys.run("add", "crm", "--keys-file", file).out.strip()
        digest = re.search(r"crm +(\w+) +predict,read", keys.run("list", "--keys-file", file).out)
        assert digest
        assert keys.run("revoke", "crm", "--keys-file", file, "--digest", digest[1]).out.startswith("revoked crm")
        wait_until(lambda: [status(old), status(new)] == [401, 200], 30)
    assert [key for key in (old, new) if key in log.read_text() + file.read_text()] == []


def test_the_service_beyond_this_machine_serves_who_may_come(service: Program, tmp_path: Path, log: Path) -> None:
    port, origin = free_port(), "https://app.example.com"
    limits = ("--requests-per-second", 0.01, "--rows-per-second", 0.02, "--cors-origins", origin)
    beyond = ("--host", "0.0.0.0", "--port", port, "--log-url", "", *limits)  # noqa: S104  # bound for a moment
    with service.started(*beyond, "--allow-anonymous", log=log, **PATIENT):
        wait_until(lambda: fetched(f"http://127.0.0.1:{port}/health/ready"), 60)
        assert [ask("127.0.0.1", port, "/predict", CONTRACT.example) for _ in range(2)] == [200, 429]
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request(
                "OPTIONS", "/predict", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
            )
            assert connection.getresponse().getheader("Access-Control-Allow-Origin") == origin
    made = ("--keys-file", tmp_path / "keys" / "keys.toml", "--make-first-key")
    with service.started("--port", port, "--log-url", "", *made, log=log, **PATIENT):
        wait_until(lambda: fetched(f"http://127.0.0.1:{port}/health/ready"), 60)
        key = (tmp_path / "keys" / "first.key").read_text()
        assert [ask("127.0.0.1", port, "/predict", CONTRACT.example, X_API_Key=text) for text in ("", key)] == [
            401,
            200,
        ]


def test_the_service_speaks_https_with_the_certificate_it_was_told(service: Program, tmp_path: Path, log: Path) -> None:
    port, (certificate, key) = free_port(), make_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    flags = ("--port", port, "--log-url", "", "--tls-certificate", certificate, "--tls-key", key)

    def ready() -> bool:
        with closing(http.client.HTTPSConnection("localhost", port, timeout=5, context=trusting)) as connection:
            try:
                connection.request("GET", "/health/ready")
            except OSError:
                return False
            return connection.getresponse().status == 200

    with service.started(*flags, log=log, **PATIENT):
        wait_until(ready, 60)
        assert fetched(f"http://127.0.0.1:{port}/health/ready") == ""


def test_the_service_asks_the_model_that_it_was_told_for_notes(service: Program, log: Path) -> None:
    port, key = free_port(), "sk-test-0123456789"
    flags = ("--port", port, "--log-url", "", "--workers", 2, "--note-model", "small", "--note-key", key)
    limits = ("--note-seconds", 20, "--note-tokens-per-day", 10_000)
    with (
        answering() as model,
        service.started(*flags, *limits, "--note-url", model.url, log=log, **PATIENT),
    ):
        wait_until(lambda: fetched(f"http://127.0.0.1:{port}/health/ready"), 60)
        assert ask("127.0.0.1", port, "/predict?note=true", CONTRACT.example) == 200
        assert counted("churn_notes_total{source=.model", fetched(f"http://127.0.0.1:{port}/metrics")) == 1
        assert [asked.headers["Authorization"] for asked in model.asked] == [f"Bearer {key}"]
    assert key not in log.read_text()


def test_the_service_refuses_and_drops_from_the_limits_that_were_given(
    service: Program, shelf: Path, tmp_path: Path, log: Path
) -> None:
    port, away = free_port(), f"postgresql://127.0.0.1:{free_port()}/nobody"
    limits = ("--max-turn-seconds", 1e-9, "--max-spool-bytes", 1)
    with service.started(
        *limits, "--port", port, "--models-dir", shelf, "--log-url", away, "--output-dir", tmp_path, log=log
    ):
        metrics = f"http://127.0.0.1:{port}/metrics"
        wait_until(lambda: fetched(f"http://127.0.0.1:{port}/health/ready"), 60)
        wait_until(lambda: 503 in burst(port), 60)
        wait_until(lambda: burst(port) and counted("churn_log_dropped_rows_total", fetched(metrics)), 60)


def burst(port: int) -> list[int]:
    """Send some requests at once, and return the status of each."""
    body = json.dumps(CONTRACT.example).encode()
    headers = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    head = f"POST /predict HTTP/1.1\r\n{headers}\r\n\r\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(BURST)]
        for client in clients:
            client.sendall(head.encode() + body)
        return [int(client.recv(4_096).split()[1]) for client in clients]


def counted(name: str, metrics: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{name}\S* (\S+)$", metrics, re.MULTILINE))


@pytest.mark.postgres
def test_the_service_keeps_its_log_in_postgresql(
    service: Program, shelf: Path, postgres_url: str, tmp_path: Path, log: Path
) -> None:
    flags = ("--models-dir", shelf, "--log-url", postgres_url, "--output-dir", tmp_path, "--port", port := free_port())
    with service.started(*flags, log=log, **PATIENT):
        wait_until(lambda: fetched(f"http://127.0.0.1:{port}/health/ready"), 60)
        assert ask("127.0.0.1", port, "/predict", CONTRACT.example) == 200
        wait_until(lambda: [row.features for row in rows_in(postgres_url)] == [CONTRACT.example], 30)


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, Path]:
    """Customers of somebody's own, whose tenure has another name, and the columns file for them."""
    own = synthetic.sample(4_000, seed=11)[0].rename(columns={"tenure_months": "months"})
    own.to_csv(tmp_path / "own.csv", index=False)
    (tmp_path / "own.toml").write_text(COLUMNS)
    return tmp_path / "own.csv", tmp_path / "own.toml"


def test_the_generator_sends_the_customers_it_was_told(
    service: Program, customers: Program, shelf: Path, table: tuple[Path, Path], tmp_path: Path, log: Path
) -> None:
    port, url, sent = free_port(), f"sqlite:///{tmp_path / 'predictions.db'}", tmp_path / "sent.log"
    flags = ("--data", table[0], "--columns", table[1], "--models-dir", shelf, "--url", f"http://127.0.0.1:{port}")
    keys = tmp_path / "keys"
    asking, presenting = ("--keys-file", keys / "keys.toml", "--make-first-key"), ("--key-file", keys / "first.key")
    pace = ("--customers-per-second", 50, "--calm-seconds", 2, "--shifted-seconds", 3, "--outcome-delay-seconds", 1)
    keeping = ("--models-dir", shelf, "--log-url", url, "--output-dir", tmp_path, "--port", port)
    with service.started(*keeping, *asking, log=log, **PATIENT):
        wait_until(lambda: fetched(f"http://127.0.0.1:{port}/health/ready"), 60)
        assert ask("127.0.0.1", port, "/predict", CONTRACT.example) == 401
        with customers.started(*flags, *pace, *presenting, log=sent):
            wait_until(lambda: rows_in(url, log_tables.OUTCOMES), 60)
    told = re.findall(r"(\w+ customers for \d+ s)", sent.read_text())
    assert told[:2] == ["calm customers for 2 s", "shifted customers for 3 s"]
    own = set(pd.read_csv(table[0])["monthly_charges"])
    calm = [row.features["monthly_charges"] for row in rows_in(url)[:100]]
    assert len(calm) == 100
    assert set(calm) <= own
    assert not {customer.features["monthly_charges"] for customer in CALM.customers(100, seed=0)} <= own


def test_the_demo_plays_with_the_table_it_was_told(demo: Program, table: tuple[Path, Path], tmp_path: Path) -> None:
    told = demo.run("--data", table[0], "--columns", table[1], cwd=tmp_path, SERVICE_MAX_TURN_SECONDS="5").out
    assert "customers from learned.csv" in told
    assert "send 1,000 customers" in " ".join(told.split())
    assert f"make train DATA={table[0]} COLUMNS={table[1]}" in told
    assert (tmp_path / "var" / "demo" / "models" / "pinned.json").exists()


def test_every_option_was_run(
    request: pytest.FixtureRequest, service: Program, keys: Program, demo: Program, customers: Program
) -> None:
    require_all(request)
    assert unused(keys_command.COMMANDS, keys.lines) == []
    assert unused({"": Settings}, service.lines) == []
    assert unused({"": DemoSettings}, demo.lines) == []
    assert unused({"": generator.Settings}, customers.lines) == []
