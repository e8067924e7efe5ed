"""Partitions the tables of a log that was made without, while others write to it.

The old tables become the first partitions, so no row is copied. PostgreSQL has to read them once to know that all rows
are below the bound; others go on reading and writing meanwhile. The last step changes names and takes milliseconds.

This is no revision of Alembic: a version of the service from before finds the revision that it knows, and all its
statements work on partitioned tables. So it can go on beside this one, and come back.
"""

from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from models.log import row_ids
from models.log.errors import LogNotPartitioned
from models.log.partitions import catalogue, locking
from models.log.partitions.catalogue import BEFORE, DEFAULT, TABLES, key, partition_name
from models.log.partitions.sets import create
from models.log.partitions.weeks import Week

WEEKS_AHEAD = 3
"""Weeks until the bound of the old rows: time in which a conversion that was killed is tried again. Until then, no row
can be refused by the bound."""
MOST_AHEAD = timedelta(days=366)
"""Most by which the clock of a service may have been ahead."""
_BOUND = "below_the_first_week"
_NAMES = [table.name for table in TABLES]
_REMEDY = "Drop it, partition the tables with `python -m monitoring migrate`, and create it again"
_DEPENDENT = sa.text("""
SELECT DISTINCT rule.ev_class::regclass::text FROM pg_depend JOIN pg_rewrite AS rule ON rule.oid = objid
WHERE classid = 'pg_rewrite'::regclass AND refobjid = ANY (CAST(:names AS regclass[])) AND rule.ev_class <> refobjid
UNION
SELECT conrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND confrelid = ANY (CAST(:names AS regclass[])) AND conrelid <> ALL (CAST(:names AS regclass[]))
""")
_ADDED = sa.text("""
SELECT format('policy %s of %s', polname, polrelid::regclass) FROM pg_policy
WHERE polrelid = ANY (CAST(:names AS regclass[]))
UNION
SELECT format('trigger %s of %s', tgname, tgrelid::regclass) FROM pg_trigger
WHERE tgrelid = ANY (CAST(:names AS regclass[])) AND NOT tgisinternal
UNION
SELECT format('row-level security of %s', oid::regclass) FROM pg_class
WHERE oid = ANY (CAST(:names AS regclass[])) AND relrowsecurity
""")
_BOUNDED = sa.text("""
SELECT conrelid::regclass::text FROM pg_constraint
WHERE conname = :bound AND conrelid = ANY (CAST(:names AS regclass[]))
""")
_UNREAD = sa.text("""
SELECT count(*) < cardinality(CAST(:names AS regclass[])) FROM pg_constraint
WHERE conname = :bound AND convalidated AND conrelid = ANY (CAST(:names AS regclass[]))
""")
_GRANTS = sa.text("""
SELECT format('GRANT %s%s ON %I TO %s%s', privilege_type, of_column, CAST(:table AS text),
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
              CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM (SELECT oid AS of, relacl AS acl, '' AS of_column FROM pg_class
      UNION ALL
      SELECT attrelid, attacl, format(' (%I)', attname) FROM pg_attribute WHERE NOT attisdropped) AS given
     JOIN pg_class ON oid = of, aclexplode(acl)
WHERE oid = to_regclass(:old) AND grantee <> relowner
""")


def convert(engine: Engine, now: datetime, *, tries: int) -> None:
    """Partition the tables; called again, it goes on after a failure.

    Raises:
        LogNotPartitioned: views or tables of others refer to the tables, or they have policies or triggers.
        Busy: another process changes the tables.
        SQLAlchemyError: the database cannot be reached, or rejects a statement.
    """
    try:
        bound = locking.briefly(engine, partial(_bound, now=now), tries=tries)
        for table in TABLES:
            with engine.begin() as connection:
                locking.claim(connection)
                if catalogue.state(connection) == "partitioned":
                    return
                connection.exec_driver_sql(f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {_BOUND}")
        locking.briefly(engine, partial(_switch, bound=bound), tries=tries)
    except LogNotPartitioned:
        locking.briefly(engine, _unbound, tries=tries)
        raise


def _require_plain(connection: Connection) -> None:
    """Raise if others made for the tables what partitioned ones would lack."""
    if others := connection.scalars(_DEPENDENT, {"names": _NAMES}).all():
        raise LogNotPartitioned(problem=f"{', '.join(sorted(others))} refers to them", remedy=_REMEDY)
    if added := connection.scalars(_ADDED, {"names": _NAMES}).all():
        raise LogNotPartitioned(problem=f"they have the {', the '.join(sorted(added))}", remedy=_REMEDY)


def _unbound(connection: Connection) -> None:
    """Let the tables accept rows of any week again: they may stay as they are for long."""
    for name in connection.scalars(_BOUNDED, {"names": _NAMES, "bound": _BOUND}).all():
        connection.exec_driver_sql(f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {_BOUND}")


def _bound(connection: Connection, now: datetime) -> str:
    """Let the tables refuse rows from a later week on, and return the lower bound of its ids."""
    locking.claim(connection)
    _require_plain(connection)
    locking.lock_tables(connection)
    last = max(connection.scalar(sa.select(sa.func.coalesce(sa.func.max(key(table)), ""))) or "" for table in TABLES)
    if last >= row_ids.first_id(now + MOST_AHEAD):
        raise LogNotPartitioned(problem=f"the row {last} is of a time to come", remedy="Correct its id, or delete it")
    week = max(Week.of(now), Week.of_id(last) if last else Week.of(now)).later(WEEKS_AHEAD)
    for table in TABLES:
        connection.exec_driver_sql(
            f"ALTER TABLE {table.name} DROP CONSTRAINT IF EXISTS {_BOUND}, "
            f"ADD CONSTRAINT {_BOUND} CHECK ({key(table).name} < '{week.ids[0]}') NOT VALID"
        )
    return week.ids[0]


def _switch(connection: Connection, bound: str) -> None:
    """Put a partitioned table in the place of each table, with the old one as its first partition."""
    locking.claim(connection)
    if catalogue.state(connection) == "partitioned":
        return
    locking.lock_tables(connection)
    _require_plain(connection)
    if connection.scalar(_UNREAD, {"names": _NAMES, "bound": _BOUND}):
        raise locking.Busy  # another process began anew, and goes on
    is_empty = not any(connection.scalar(sa.select(sa.exists(sa.select(table)))) for table in TABLES)
    for table in TABLES:
        _replace(connection, table)
    create(connection, DEFAULT, "DEFAULT")
    if is_empty:
        names = ", ".join(partition_name(table, BEFORE) for table in reversed(TABLES))
        connection.exec_driver_sql(f"DROP TABLE {names}")
        return
    for table in TABLES:
        old = partition_name(table, BEFORE)
        connection.exec_driver_sql(
            f"ALTER TABLE {table.name} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{bound}')"
        )
        connection.exec_driver_sql(f"ALTER TABLE {old} DROP CONSTRAINT {_BOUND}")


def _replace(connection: Connection, table: sa.Table) -> None:
    """Rename a table and its primary key, and make an empty, partitioned one with the same columns and rights."""
    old = partition_name(table, BEFORE)
    connection.exec_driver_sql(f"ALTER TABLE {table.name} RENAME TO {old}")
    connection.exec_driver_sql(f"ALTER TABLE {old} RENAME CONSTRAINT {table.name}_pkey TO {old}_pkey")
    connection.exec_driver_sql(
        f"CREATE TABLE {table.name} (LIKE {old} INCLUDING DEFAULTS INCLUDING INDEXES) "
        f"PARTITION BY RANGE ({key(table).name})"
    )
    for grant in connection.scalars(_GRANTS, {"table": table.name, "old": old}).all():
        connection.exec_driver_sql(grant)
