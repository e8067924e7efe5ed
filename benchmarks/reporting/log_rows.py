"""Fills a log in PostgreSQL with a year of predictions, and with those of the last day."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from benchmarks.reporting import drift_data
from demo import synthetic_customers
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables, migrations
from models.log.log_tables import OUTCOMES, PREDICTIONS
from models.log.partitions import locking, sets, upkeep
from models.log.partitions.catalogue import partition_name
from models.log.partitions.weeks import Week
from models.progress import Progress
from service import random_ids
from service.log.page_format import NULL

WEEKS, WINDOW = 52, timedelta(days=1)
_SAMPLES, _CUSTOMERS = 1_000, 500_000
_PREDICTIONS = """
INSERT INTO {table} ({columns})
SELECT lpad(to_hex(ms), 12, '0') || '7' || substr(md5(i::text), 1, 19), to_timestamp(ms / 1000.0), 'v1', features, NULL,
       churn_probability, churn_prediction, risk_tier, md5((i % {customers})::text), NULL
FROM (SELECT i, {first} + (i - {offset}) * {length} / {rows} AS ms
      FROM generate_series({offset}::bigint, {offset} + {rows} - 1) AS i) AS made
JOIN samples ON samples.number = i % {samples} WHERE ms < {end}
"""
_OUTCOMES = """
INSERT INTO {outcomes} (prediction_id, reported_by, churned, observed_at, recorded_at)
SELECT prediction_id, 'crm', churn_prediction, made_at, made_at + interval '30 days'
FROM {predictions} WHERE prediction_id LIKE '%0'
"""


@dataclass(frozen=True)
class Filled:
    """A log, and the window of its newest day."""

    name: str
    url: str
    rows: int
    start: datetime
    end: datetime
    size_bytes: int


def fill(name: str, url: str, scorer: Scorer, *, history: int, window: int, now: datetime) -> Filled:
    """Make the tables and their rows; `history` predictions lie in the year before the window."""
    engine = log_tables.connect(url)
    migrations.upgrade(engine)
    upkeep.keep(engine, now)
    oldest = Week.of(now).later(-WEEKS)
    with Progress(WEEKS + 1) as progress:
        progress.stage(f"writing {history:,} predictions")
        with engine.begin() as connection:
            _keep_samples(connection, scorer)
        for number in range(WEEKS if history else 0):
            offset = number * (history // WEEKS)
            _write_week(engine, oldest.later(number), history // WEEKS, offset=offset, end=now - WINDOW)
            progress.step()
        with engine.begin() as connection:
            connection.execute(sa.insert(PREDICTIONS), _window(scorer, window, now))
        progress.step()
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")
        rows = connection.scalar(sa.select(sa.func.count()).select_from(PREDICTIONS)) or 0
        size = connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0
    engine.dispose()
    return Filled(name, url, rows, now - WINDOW, now, size)


def page_lines(scorer: Scorer, rows: int, at: datetime) -> list[str]:
    """Return new predictions as lines of a page of the spool."""
    written = f"{at:%Y-%m-%d %H:%M:%S.%f}"
    return [
        "\t".join(
            [
                row["prediction_id"],
                written,
                scorer.version,
                json.dumps(row["features"], separators=(",", ":")),
                NULL,
                repr(row["churn_probability"]),
                f"{row['churn_prediction']:d}",
                row["risk_tier"],
                row["customer_digest"],
            ]
        )
        for row in _rows(scorer, rows, [at] * rows)
    ]


def _keep_samples(connection: Connection, scorer: Scorer) -> None:
    connection.exec_driver_sql(
        "CREATE TABLE samples (number bigint PRIMARY KEY, features json, churn_probability float8, "
        "churn_prediction boolean, risk_tier text)"
    )
    names = ("features", "churn_probability", "churn_prediction", "risk_tier")
    rows = _rows(scorer, _SAMPLES, [datetime.now(UTC)] * _SAMPLES)
    table = sa.table("samples", sa.column("number"), sa.column("features", sa.JSON), *map(sa.column, names[1:]))
    values = [{"number": number} | {name: row[name] for name in names} for number, row in enumerate(rows)]
    connection.execute(sa.insert(table), values)


def _write_week(engine: Engine, week: Week, rows: int, *, offset: int, end: datetime) -> None:
    """Write the predictions of a week that are older than `end`, and an outcome for each sixteenth."""
    locking.briefly(engine, lambda connection: sets.create_week(connection, week))
    table = partition_name(PREDICTIONS, week.name)
    predictions = _PREDICTIONS.format(
        table=table,
        columns=", ".join(PREDICTIONS.columns.keys()),
        customers=_CUSTOMERS,
        samples=_SAMPLES,
        first=int(week.start.timestamp() * 1000),
        length=int((week.end - week.start).total_seconds() * 1000) - 1,
        rows=rows,
        offset=offset,
        end=int(end.timestamp() * 1000),
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no look-up for each outcome
        connection.exec_driver_sql(predictions.replace("%", "%%"))
        outcomes = _OUTCOMES.format(outcomes=partition_name(OUTCOMES, week.name), predictions=table)
        connection.exec_driver_sql(outcomes.replace("%", "%%"))


def _window(scorer: Scorer, rows: int, now: datetime) -> list[dict[str, Any]]:
    return _rows(scorer, rows, [now - WINDOW + number * (WINDOW / rows) for number in range(rows)])


def _rows(scorer: Scorer, rows: int, times: Sequence[datetime]) -> list[dict[str, Any]]:
    customers = synthetic_customers.calm(rows, seed=1)
    features = json.loads(customers.to_json(orient="records"))
    probabilities = scorer.score(CONTRACT.to_matrix(customers)).tolist()
    return [
        drift_data.prediction(at, row, probability, scorer) | {"customer_digest": random_ids.draw()}
        for at, row, probability in zip(times, features, probabilities, strict=True)
    ]
