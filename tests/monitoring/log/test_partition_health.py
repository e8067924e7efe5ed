"""PostgreSQL: the monitor tells that partitions of the log are missing, and `prune` and `migrate` mend it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.core import CollectorRegistry
from sqlalchemy import Engine

from models.log import log_tables, migrations
from models.log.partitions import catalogue, upkeep
from models.log.partitions.weeks import Week
from monitoring import pruning
from monitoring.__main__ import main
from monitoring.settings import PruneSettings
from monitoring.telemetry import RunCollector
from tests import predictions

pytestmark = pytest.mark.postgres
NOW = datetime.now(UTC)
LAST_MONTH = Week.of(NOW).later(-4).start + timedelta(days=1)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """A log whose partitions were made three weeks ago for the last time, with rows of an older week."""
    opened = log_tables.connect(postgres_url)
    migrations.upgrade(opened)
    upkeep.keep(opened, NOW - timedelta(weeks=3))
    predictions.add(opened, LAST_MONTH, rows=3)
    yield opened
    opened.dispose()


def drift(url: str, folder: Path, root: Path) -> dict[str, float | None]:
    """Run the drift job, and return the gauges of the log."""
    for job in ("drift", "performance"):
        main([job, "--log-url", url, "--output-dir", str(folder), "--models-dir", str(root / "models")])
    [other] = folder.glob("reports/*-performance.json")
    assert "log" not in json.loads(other.read_text())  # it has no use for a count of up to a million rows
    [record] = folder.glob("reports/*-drift.json")
    found = json.loads(record.read_text())["log"]
    registry = CollectorRegistry()
    registry.register(RunCollector(folder, {}))
    gauges = {name: registry.get_sample_value(f"churn_log_{name}") for name in ("partition_weeks", "default_rows")}
    assert gauges == found
    return gauges


def test_a_run_of_the_monitor_tells_of_missing_partitions_and_migrate_makes_them(
    engine: Engine, postgres_url: str, tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drift(postgres_url, tmp_path / "before", root) == {"partition_weeks": 2, "default_rows": 3}
    assert main(["migrate", "--log-url", postgres_url]) == 0
    told = "the rows of 1 weeks were moved to partitions of their own; the prediction log was upgraded to this version"
    assert told in capsys.readouterr().out
    assert drift(postgres_url, tmp_path / "after", root) == {"partition_weeks": 5, "default_rows": 0}
    with engine.connect() as connection:
        assert Week.of(LAST_MONTH).name in [one.suffix for one in catalogue.partition_sets(connection)]


def test_prune_removes_what_is_old_and_fails_where_partitions_are_missing(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    opened = log_tables.connect(postgres_url)
    migrations.upgrade(opened)
    predictions.add(opened, LAST_MONTH, rows=3)
    with opened.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW seen AS SELECT churned FROM outcomes")
    with caplog.at_level("INFO"):
        assert main(["prune", "--log-url", postgres_url, "--keep-days", "14"]) == 2
    assert "deleted 3 predictions" in caplog.text
    assert "cannot be partitioned by week: seen refers to them" in caplog.text
    opened.dispose()


def test_prune_moves_what_it_keeps_and_drops_it_as_a_partition_later(engine: Engine, postgres_url: str) -> None:
    old = predictions.add(engine, NOW - timedelta(days=100), rows=2)
    told = pruning.run(PruneSettings(log_url=postgres_url, keep_days=60))
    assert told.startswith(f"moved the rows of 1 weeks to partitions of their own; deleted {len(old)} predictions")
    told = pruning.run(PruneSettings(log_url=postgres_url, keep_days=14))
    assert told.startswith("dropped 2 partitions; deleted 3 predictions")
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(log_tables.PREDICTIONS)) == 0
