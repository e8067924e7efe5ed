"""The prediction log behind PgBouncer, whose clients share connections to PostgreSQL."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from demo.running_service import free_port
from models.log import log_tables
from models.log.partitions import catalogue, upkeep
from models.log.partitions.weeks import Week
from tests import waiting
from tests.service.load import Load

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
REQUESTS = 1_000
"""For seconds, in which more pages are written than executions after which psycopg prepares a statement."""

wait_until = partial(waiting.wait_until, seconds=60)


def is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def pooled_url(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database behind PgBouncer, whose connections last for one transaction."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    server, port = sa.make_url(postgres_url), free_port()
    users, config = tmp_path / "users.txt", tmp_path / "pgbouncer.ini"
    users.write_text(f'"{server.username}" ""\n')
    own = f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {users}\nunix_socket_dir =\n"
    config.write_text(
        f"[databases]\n* = host={server.host} port={server.port}\n[pgbouncer]\npool_mode = transaction\n{own}"
    )
    tmp_path.chmod(0o755)
    who = ["--user", "postgres"] if os.geteuid() == 0 else []
    command = [program, "--quiet", *who, str(config)]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as running:
        try:
            wait_until(lambda: is_open(port) or running.poll() is not None)
            assert running.poll() is None, (tmp_path / "log").read_text()
            yield server.set(port=port, query={"pgbouncer": "true"}).render_as_string()
        finally:
            running.terminate()


def test_every_row_arrives_through_connections_that_others_use_as_well(
    launch: Callable[..., Any], pooled_url: str, postgres_url: str, tmp_path: Path
) -> None:
    services = [
        launch("--log-url", pooled_url, "--output-dir", str(tmp_path / str(number)), "--workers", "1")
        for number in range(2)
    ]
    with ExitStack() as stack:
        loads = [stack.enter_context(Load.on(service.port, clients=1, pause_seconds=0.01)) for service in services]
        wait_until(lambda: min(len(load.answers) for load in loads) > REQUESTS)
    for service in services:
        wait_until(lambda: json.loads(service.ask("GET", "/health")[1])["status"] == "healthy")  # noqa: B023  # at once
    made = sorted(body["prediction_id"] for load in loads for _, body in load.answers)
    engine = log_tables.connect(postgres_url)
    with engine.connect() as connection:
        last = Week.of(datetime.now(UTC)).later(upkeep.WEEKS_AHEAD)
        assert catalogue.covers(catalogue.partition_sets(connection), last.ids[0])
        left = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert connection.exec_driver_sql(left).scalar_one() == 0  # on a connection that others use next

    def stored() -> list[str]:
        with engine.connect() as connection:
            return sorted(connection.scalars(sa.select(log_tables.PREDICTIONS.c.prediction_id)))

    wait_until(lambda: len(stored()) >= len(made))
    assert stored() == made
    engine.dispose()
    for number in range(2):
        assert list((tmp_path / str(number) / "spool").glob("*.rejected")) == []
