"""Tables of the prediction log: predictions, challenger predictions, outcomes, treatments, and counts of requests.

All programs use these declarations, and `models.log.migrations` upgrades a database to them. The URL selects SQLite or
PostgreSQL.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Dialect, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from models.log import reporters
from models.log.errors import LogMissing, LogUnsupported

BUSY_SECONDS = 5
"""Longest wait for another writer, and for the database server to answer."""
_ALIVE: dict[str, Any] = {
    "connect_timeout": BUSY_SECONDS,
    "client_encoding": "utf8",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Among others, keepalive settings that detect a lost server in seconds instead of hours."""
_OWN = {"options": "-c timezone=UTC"}
_POOLED = {"prepare_threshold": None}
"""Behind PgBouncer, statements of a client may run on different connections, which lack what another one prepared."""
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Moment(sa.TypeDecorator[datetime]):
    """An aware datetime, stored as UTC in databases without time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert a value for the database."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert a value from the database."""
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


METADATA = sa.MetaData()

PREDICTIONS = Table(  # count customers through `models.log.customers`: a customer may have several
    "predictions",
    METADATA,
    Column("prediction_id", sa.String(32), primary_key=True),  # see `models.log.row_ids`
    Column("made_at", Moment, nullable=False),
    Column("model_version", sa.String(64), nullable=False),
    Column("features", sa.JSON(none_as_null=True)),  # by the contract's names; null if inputs are not logged
    Column("inputs_digest", sa.String(64)),  # keyed digest of the features; only if inputs are hashed
    Column("churn_probability", sa.Double, nullable=False),
    Column("churn_prediction", sa.Boolean, nullable=False),
    Column("risk_tier", sa.String(6), nullable=False),
    Column("customer_digest", sa.String(32)),  # keyed digest of `customer_id`; null if the client sent none
    Column("held_out", sa.Boolean),  # whether the customer was drawn to get no offer; null if none was drawn
)

CHALLENGER_PREDICTIONS = Table(  # of a shadow challenger, for the same customers
    "challenger_predictions",
    METADATA,
    Column("prediction_id", sa.ForeignKey(PREDICTIONS.c.prediction_id, ondelete="CASCADE"), primary_key=True),
    Column("model_version", sa.String(64), nullable=False),  # the challenger's
    Column("churn_probability", sa.Double, nullable=False),
    Column("churn_prediction", sa.Boolean, nullable=False),
    Column("risk_tier", sa.String(6), nullable=False),
)

OUTCOMES = Table(  # read them through `models.log.known_outcomes`: a prediction may have several
    "outcomes",
    METADATA,
    Column("prediction_id", sa.ForeignKey(PREDICTIONS.c.prediction_id, ondelete="CASCADE"), primary_key=True),
    Column("reported_by", sa.String(reporters.MAX_LENGTH), server_default=reporters.UNKNOWN, primary_key=True),
    Column("churned", sa.Boolean, nullable=False),
    Column("observed_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
)

TREATMENTS = Table(  # not partitioned and without a foreign key: the version before drops partitions beside it
    "treatments",
    METADATA,
    Column("prediction_id", sa.String(32), primary_key=True),
    Column("offer", sa.String(6), nullable=False),  # `none`, or the tier whose offer was made
    Column("given_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("reported_by", sa.String(reporters.MAX_LENGTH), nullable=False),
)

TRAFFIC = Table(
    "traffic",
    METADATA,
    Column("traffic_id", sa.String(32), primary_key=True),  # see `models.log.row_ids`
    Column("counted_at", Moment, nullable=False),
    Column("answered_requests", sa.Integer, nullable=False),
    Column("refused_requests", sa.Integer, nullable=False),  # with 422
    Column("refused_fields", sa.JSON, nullable=False),  # number of broken rules by field
    Column("dropped_rows", sa.Integer, nullable=False),  # predictions that are missing from the log
)


def connect(url: str, *, create: bool = False) -> Engine:
    """Return an engine for a log, which connects at first use; `create` creates a missing SQLite file.

    Raises:
        LogUnsupported: the URL is neither SQLite nor PostgreSQL.
        LogMissing: the SQLite file does not exist.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: the port is not a number
        raise LogUnsupported(url="(not a URL)") from error
    if parsed.get_backend_name() in ("postgresql", "postgres"):  # the second is what many hosts of databases give
        options = _ALIVE | (_POOLED if parsed.query.get("pgbouncer") == "true" else _OWN)
        parsed = parsed.set(drivername="postgresql+psycopg").difference_update_query(["pgbouncer"])
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
    """Return the SQL that inserts rows of text, in the order of the columns, and skips existing rows."""
    statement = INSERT[dialect.name](table)
    if dialect.name == "postgresql":  # else a moment without a zone would be one of the session's time zone
        values = {column.name: _as_utc(column) for column in table.columns}
        statement = statement.values(values)
    return str(statement.on_conflict_do_nothing().compile(dialect=dialect))


def _as_utc(column: Column[Any]) -> sa.ColumnElement[Any]:
    if not isinstance(column.type, Moment):
        return sa.bindparam(column.name, type_=column.type)
    return sa.func.timezone(sa.literal_column("'UTC'"), sa.bindparam(column.name, type_=sa.DateTime()))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Readers and the one writer do not wait for each other; a crash of the machine may lose the last transactions.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
