"""Run by Alembic: applies the scripts beside it to the engine that `models.log.migrations` hands over."""

import sqlalchemy as sa
from alembic import context

from models.log.log_tables import METADATA

LOCK = 7_026_401
"""Any number that no other program of the same database takes."""

engine: sa.Engine = context.config.attributes["engine"]
with engine.connect() as connection:
    if engine.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # of two processes that start, one waits for the other
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    context.run_migrations()
    connection.commit()
