"""What the service remembers: each prediction, what its customer did, and how many requests it answered and refused.

The four tables of the prediction log, declared here for all programs; `models.log.migrations` brings a database up to
them. SQLite or PostgreSQL, by URL.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Dialect, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from models.log.errors import LogMissing, LogUnsupported

BUSY_SECONDS = 5
"""Longest wait for another writer, and for a server to answer."""
_ALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""So that a server that vanishes without a word is noticed in seconds, not hours."""
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Moment(sa.TypeDecorator[datetime]):
    """An aware time, kept as UTC in databases that know no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To the database."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


METADATA = sa.MetaData()

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("prediction_id", sa.String(32), primary_key=True),  # a `models.log.row_ids`
    Column("made_at", Moment, nullable=False),
    Column("model_version", sa.String(64), nullable=False),
    Column("features", sa.JSON(none_as_null=True)),  # by the contract's names; null when inputs are not kept
    Column("inputs_digest", sa.String(64)),  # keyed, of the features; only when inputs are kept hashed
    Column("churn_probability", sa.Double, nullable=False),
    Column("churn_prediction", sa.Boolean, nullable=False),
    Column("risk_tier", sa.String(6), nullable=False),
)

CHALLENGER_PREDICTIONS = Table(  # what a challenger in the shadow said of a customer whom the champion answered
    "challenger_predictions",
    METADATA,
    Column("prediction_id", sa.ForeignKey(PREDICTIONS.c.prediction_id, ondelete="CASCADE"), primary_key=True),
    Column("model_version", sa.String(64), nullable=False),  # the challenger's
    Column("churn_probability", sa.Double, nullable=False),
    Column("churn_prediction", sa.Boolean, nullable=False),
    Column("risk_tier", sa.String(6), nullable=False),
)

OUTCOMES = Table(
    "outcomes",
    METADATA,
    Column("prediction_id", sa.ForeignKey(PREDICTIONS.c.prediction_id, ondelete="CASCADE"), primary_key=True),
    Column("churned", sa.Boolean, nullable=False),
    Column("observed_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
)

TRAFFIC = Table(
    "traffic",
    METADATA,
    Column("traffic_id", sa.String(32), primary_key=True),  # a `models.log.row_ids`
    Column("counted_at", Moment, nullable=False),
    Column("answered_requests", sa.Integer, nullable=False),
    Column("refused_requests", sa.Integer, nullable=False),  # with 422
    Column("refused_fields", sa.JSON, nullable=False),  # broken rules by field
    Column("dropped_rows", sa.Integer, nullable=False),  # predictions that are missing from the log
)


def connect(url: str, *, create: bool = False) -> Engine:
    """Open a log; only `create` makes a SQLite file that is not there. Connects when first used.

    Raises:
        LogUnsupported: the URL is neither SQLite's nor PostgreSQL's.
        LogMissing: there is no such SQLite file.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:  # the second for a port that is no number
        raise LogUnsupported(url="(not a URL)") from error
    if parsed.get_backend_name() == "postgresql":
        options = {"connect_timeout": BUSY_SECONDS, "client_encoding": "utf8", "options": "-c timezone=UTC"} | _ALIVE
        parsed = parsed.set(drivername="postgresql+psycopg")
        return sa.create_engine(parsed, connect_args=options, pool_pre_ping=True, paramstyle="format")
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise LogUnsupported(url=parsed.render_as_string(hide_password=True))
    path = Path(parsed.database)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.is_file():
        raise LogMissing(path=path)
    engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def insertion(table: Table, dialect: Dialect) -> str:
    """Write the SQL that inserts rows of text, in the order of the columns, but for those that are there already."""
    return str(INSERT[dialect.name](table).on_conflict_do_nothing().compile(dialect=dialect))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Readers and one writer at a time do not wait for one another; a crash of the machine may cost the last moments.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
