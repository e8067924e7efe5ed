"""Alembic environment: applies the migrations to the engine that `models.log.migrations` passes."""

import sqlalchemy as sa
from alembic import context
from sqlalchemy.exc import OperationalError

from models.log.errors import LogBusy
from models.log.log_tables import METADATA
from models.log.partitions.locking import LOCK, LOCK_TIMEOUT, WAIT_SECONDS

engine: sa.Engine = context.config.attributes["engine"]
with engine.connect() as connection:
    if engine.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
        try:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_TIMEOUT:
                raise
            raise LogBusy(url=engine.url.render_as_string(hide_password=True), seconds=WAIT_SECONDS) from error
        connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # if two processes start, one waits for the other
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    context.run_migrations()
    connection.commit()
