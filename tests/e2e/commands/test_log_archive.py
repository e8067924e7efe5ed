"""The whole way of old predictions: made, logged, known, exported, deleted, learned from and watched."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from demo.client import Client
from demo.populations import CALM
from demo.running_service import running
from models.customer.files import archive_columns
from models.log import log_tables, row_ids
from models.log.log_tables import OUTCOMES, PREDICTIONS
from tests.e2e.commands.programs import Program
from tests.e2e.commands.training_workspace import Desk
from tests.waiting import wait_until

CUSTOMERS = 600
AGE = timedelta(weeks=3)
COLUMNS = """\
never_features = ["prediction_id", "churn_probability", "churn_prediction", "risk_tier"]

[target]
column = "churned"
positive = true
leave_out_unknown = true
"""

pytestmark = [pytest.mark.postgres, pytest.mark.shipped, pytest.mark.shipped_model, pytest.mark.slow]


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    opened = log_tables.connect(postgres_url)
    yield opened
    opened.dispose()


def count(engine: Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(table.name):
            return 0
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def let_time_pass(engine: Engine) -> dict[str, str]:
    """Move all predictions into the past, and return the new ids by the old ones."""
    with engine.begin() as connection:
        rows = [dict(row) for row in connection.execute(sa.select(PREDICTIONS)).mappings()]
        connection.execute(sa.delete(PREDICTIONS))
        moved = {}
        for row in rows:
            row["made_at"] -= AGE
            old = row["prediction_id"]
            time = row_ids.milliseconds(old) - int(AGE.total_seconds() * 1000)
            moved[old] = row["prediction_id"] = row_ids.time_digits(time) + old[12:]
        connection.execute(sa.insert(PREDICTIONS), rows)
    return moved


def test_what_was_predicted_is_exported_deleted_learned_from_and_watched(
    root: Path, engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    monitoring, desk = Program("monitoring", root), Desk(tmp_path, Program("training", root))
    customers, archive = CALM.customers(CUSTOMERS, seed=4), tmp_path / "archive"
    with running(root / "models", tmp_path / "service.log", SERVICE_LOG_URL=postgres_url) as service:
        client = Client(service.url)
        ids = [client.predict(dict(customer.features))["prediction_id"] for customer in customers]
        wait_until(lambda: count(engine, PREDICTIONS) == CUSTOMERS, 30)
        moved = let_time_pass(engine)
        known = dict(zip(ids, customers, strict=True)).items()
        client.report({moved[one]: customer.churned for one, customer in list(known)[: CUSTOMERS * 2 // 3]})
        recent = client.predict(dict(customers[0].features))["prediction_id"]
        client.close()
        wait_until(lambda: count(engine, PREDICTIONS) == CUSTOMERS + 1, 30)
    told = monitoring.run("prune", "--log-url", postgres_url, "--keep-days", 7, "--export", archive).out
    assert told.startswith(f"exported {CUSTOMERS} predictions to 1 files in {archive}; ")
    assert f"deleted {CUSTOMERS} predictions, with their outcomes" in told
    assert (count(engine, PREDICTIONS), count(engine, OUTCOMES)) == (1, 0)
    [file] = archive.iterdir()
    assert set(pq.read_table(file)["prediction_id"].to_pylist()) == set(moved.values())
    assert recent not in moved.values()
    week = pq.read_table(file)  # one file of a version from before treatments, and one of this one
    pq.write_table(week[:200].drop_columns(list(archive_columns.GAINED)), archive / "predictions-2025-01-06.parquet")
    pq.write_table(week[200:], file)

    (tmp_path / "columns.toml").write_text(COLUMNS)
    mapped = ("--data", archive, "--columns", tmp_path / "columns.toml")
    data = desk.manifest(desk.fit(*mapped, "--time-column", "made_at")).data
    assert (data.rows, data.rejected_rows, data.source) == (CUSTOMERS * 2 // 3, 0, "archive")

    reports = tmp_path / "watched"
    drift = monitoring.run("drift", "--live", archive, "--models-dir", root / "models", "--output-dir", reports).out
    assert drift.startswith("no drift in ")
    assert f"; {CUSTOMERS} live rows" in drift
