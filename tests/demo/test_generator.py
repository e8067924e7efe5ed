"""The generator's customers and outcomes arrive in the prediction log."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from demo.populations import CALM, SHIFTED
from demo.running_service import free_port, running
from models.log import log_tables, migrations
from models.log.log_tables import OUTCOMES, PREDICTIONS

PATIENCE_SECONDS = 120


@pytest.fixture
def log(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = log_tables.connect(f"sqlite:///{tmp_path / 'predictions.db'}", create=True)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


@contextmanager
def generating(root: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    command = (sys.executable, "-m", "demo.generator", *flags)
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def rows(table: sa.Table, log: sa.Engine) -> list[Any]:
    with log.connect() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.prediction_id)).mappings())


def wait_for_rows(number: int, table: sa.Table, log: sa.Engine) -> list[Any]:
    limit = time.monotonic() + PATIENCE_SECONDS
    while len(found := rows(table, log)) < number:
        assert time.monotonic() < limit, f"{len(found)} rows came"
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_calm_customers_come_first_then_shifted_ones_and_later_what_became_of_them(
    root: Path, tmp_path: Path, log: sa.Engine
) -> None:
    variables = {"SERVICE_LOG_URL": str(log.url), "SERVICE_OUTPUT_DIR": str(tmp_path)}
    flags = ("--customers-per-second=20", "--calm-seconds=2", "--shifted-seconds=2", "--outcome-delay-seconds=1")
    with (
        running(root / "models", tmp_path / "service.log", **variables) as service,
        generating(root, f"--url={service.url}", *flags),
    ):
        outcomes = wait_for_rows(60, OUTCOMES, log)
        predictions = rows(PREDICTIONS, log)

    sent = CALM.customers(40, seed=0) + SHIFTED.customers(40, seed=0)
    assert [row["features"] for row in predictions[:80]] == [customer.features for customer in sent]
    assert [row["churned"] for row in outcomes[:60]] == [customer.churned for customer in sent[:60]]
    assert {row["prediction_id"] for row in outcomes} < {row["prediction_id"] for row in predictions}
    seconds = (predictions[79]["made_at"] - predictions[0]["made_at"]).total_seconds()
    assert 3 < seconds < 10
    first = (outcomes[0]["observed_at"] - predictions[0]["made_at"]).total_seconds()
    assert first > 1


@pytest.mark.shipped
@pytest.mark.parametrize("content", [None, b"\xff"])
def test_without_its_key_nothing_is_sent(root: Path, tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "first.key").write_bytes(content)
    with generating(root, f"--key-file={tmp_path / 'first.key'}") as process:
        _, told = process.communicate(timeout=300)
    assert (process.returncode, "Name the file of a key with --key-file" in told) == (2, True)


@pytest.mark.shipped
def test_a_service_that_is_away_is_waited_for(root: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with generating(root, f"--url={url}") as process:
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(3)]
        assert process.poll() is None
    assert "calm customers for 240 s" in told[0]
    assert all(f"{url}: [Errno 111] Connection refused" in line for line in told[1:])
