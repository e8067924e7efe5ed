"""Alembic environment: applies the migrations to the engine that `models.log.migrations` passes."""

import sqlalchemy as sa
from alembic import context

from models.log.log_tables import METADATA
from models.log.partitions.locking import LOCK

engine: sa.Engine = context.config.attributes["engine"]
with engine.connect() as connection:
    if engine.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # if two processes start, one waits for the other
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    context.run_migrations()
    connection.commit()
