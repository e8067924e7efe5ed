"""The prediction log's guarantees, with real processes under load: no row is lost, and no row is stored twice."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from models.log import log_tables
from service.log.shipper import Shipper
from service.log.spool import Spool
from tests import waiting
from tests.conftest import PostgresServer
from tests.service.load import Load
from tests.service.stores import challenge, publish_another

pytestmark = pytest.mark.slow


wait_until = partial(waiting.wait_until, seconds=60)


def ids_in(url: str, table: sa.Table = log_tables.PREDICTIONS) -> list[str]:
    engine = log_tables.connect(url, create=True)
    try:
        with engine.connect() as connection:
            return list(connection.scalars(sa.select(table.c.prediction_id)))
    except SQLAlchemyError:  # the tables are not there yet
        return []
    finally:
        engine.dispose()


def answered(load: Load) -> set[str]:
    assert load.lost == []
    assert {status for status, _ in load.answers} == {200}
    return {body["prediction_id"] for _, body in load.answers}


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'predictions.db'}"


@pytest.fixture
def launch_logging(launch: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Start the service with a log; all that one test starts share a spool."""
    return lambda url, *flags: launch("--log-url", url, "--output-dir", str(tmp_path), *flags)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a SQLite file so that nobody else can write."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_loses_nothing(launch_logging: Callable[..., Any], sqlite_url: str, workers: str) -> None:
    service = launch_logging(sqlite_url, "--workers", workers, "--drain-seconds", "0.5")
    with Load.on(service.port) as load:
        wait_until(lambda: len(load.answers) > 500)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=10)
    status = {status for status, _ in load.answers}

    assert status == {200}
    assert sorted(ids_in(sqlite_url)) == sorted(body["prediction_id"] for _, body in load.answers)


def test_kill_9_loses_the_last_second_at_most(
    launch_logging: Callable[..., Any], sqlite_url: str, tmp_path: Path
) -> None:
    service = launch_logging(sqlite_url)
    with Load.on(service.port) as load:
        wait_until(lambda: len(load.answers) > 500)
        time.sleep(2)
        killed_at = time.time()
        service.process.kill()
    before = {
        body["prediction_id"] for _, body in load.answers if int(body["prediction_id"][:12], 16) / 1000 < killed_at - 1
    }
    assert len(before) > 500
    launch_logging(sqlite_url)  # ships what the other left on disk
    wait_until(lambda: list((tmp_path / "spool").glob("*.page")) == [])

    logged = ids_in(sqlite_url)
    assert before <= set(logged)
    assert len(logged) == len(set(logged))


def test_a_shipper_that_is_killed_is_replaced_and_nothing_is_lost(
    launch_logging: Callable[..., Any], sqlite_url: str
) -> None:
    service = launch_logging(sqlite_url)
    with Load.on(service.port, clients=2) as load:
        for _ in range(3):
            [shipper] = children_of(service.process.pid)
            os.kill(shipper, signal.SIGKILL)
            wait_until(partial(is_replaced, service.process.pid, shipper))
    wait_until(lambda: set(ids_in(sqlite_url)) == answered(load))
    assert service.process.poll() is None
    assert sum("the shipper" in line for line in service.stop()) == 3


def is_replaced(parent: int, gone: int) -> bool:
    return children_of(parent) not in ([], [gone])


def children_of(process_id: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "--no-headers", "-o", "pid", "--ppid", str(process_id)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def test_while_the_file_is_locked_predictions_go_on_and_all_arrive_once(
    launch_logging: Callable[..., Any], sqlite_url: str, tmp_path: Path
) -> None:
    service = launch_logging(sqlite_url)
    wait_until((tmp_path / "predictions.db").exists)
    check_outage(
        service, sqlite_url, lambda: locked(tmp_path / "predictions.db"), Spool(tmp_path / "spool"), seconds=10
    )


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_shadow_loses_nothing_in_an_outage_nor_at_sigterm(
    launch_logging: Callable[..., Any],
    shelf: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    kind: str,
) -> None:
    challenge(shelf, publish_another(shelf, tmp_path_factory).manifest.version, "shadow")
    database = tmp_path_factory.mktemp("database") / "log.db"
    url = f"sqlite:///{database}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    service = launch_logging(url, "--models-dir", str(shelf), "--workers", "2", "--drain-seconds", "0.5")
    with Load.on(service.port, clients=2) as load:
        wait_until(lambda: len(ids_in(url, log_tables.CHALLENGER_PREDICTIONS)) > 100)
        with locked(database) if kind == "sqlite" else stopped(request.getfixturevalue("postgres_server")):
            before = len(load.answers)
            time.sleep(8)
            assert len(load.answers) > before + 400
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=10)
    with closing(Shipper(Spool(tmp_path / "spool"), url)) as shipper:
        wait_until(shipper.ship)  # what the service had no time for

    assert {status for status, _ in load.answers} == {200}
    made = sorted(body["prediction_id"] for _, body in load.answers)
    assert sorted(ids_in(url)) == sorted(ids_in(url, log_tables.CHALLENGER_PREDICTIONS)) == made
    assert list((tmp_path / "spool").glob("*.rejected")) == []


@pytest.mark.postgres
def test_while_postgresql_is_stopped_predictions_go_on_and_all_arrive_once(
    launch_logging: Callable[..., Any], postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    service = launch_logging(postgres_url, "--workers", "2")
    # longer than each time that the log counts in: 5 s until it is late, 5 s for a connection, 10 s between counts
    check_outage(service, postgres_url, lambda: stopped(postgres_server), Spool(tmp_path / "spool"), seconds=20)


def check_outage(service: Any, url: str, outage: Callable[[], Any], spool: Spool, *, seconds: float) -> None:
    with Load.on(service.port, clients=2, pause_seconds=0.003) as load:
        wait_until(lambda: len(ids_in(url)) > 100)
        with outage():
            before = len(load.answers)
            time.sleep(seconds)
            health = json.loads(service.ask("GET", "/health")[1])
            assert service.ask("GET", "/health/ready")[0] == 200
            assert len(load.answers) > before + 100 * seconds
        assert health["status"] == "degraded"
        assert "wait on disk" in health["reason"]
        wait_until(lambda: json.loads(service.ask("GET", "/health")[1])["status"] == "healthy")
    assert "churn_log_dropped_rows_total 0.0" in service.ask("GET", "/metrics")[1]
    service.process.send_signal(signal.SIGTERM)
    service.process.wait()
    with closing(Shipper(spool, url)) as shipper:
        wait_until(shipper.ship)  # then a row that is not there is lost, and not late

    assert sorted(ids_in(url)) == sorted(answered(load))
