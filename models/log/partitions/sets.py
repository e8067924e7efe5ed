"""Makes the partitions of a week, and drops them; rows of a week refer to each other and to no other week."""

import sqlalchemy as sa
from sqlalchemy import Connection

from models.log.log_tables import PREDICTIONS
from models.log.partitions.catalogue import DEFAULT, TABLES, PartitionSet, key, partition_name
from models.log.partitions.weeks import Week


def create_week(connection: Connection, week: Week) -> None:
    """Make the partitions of a week, and move rows of that week to them that are in the default partitions."""
    first, end = week.ids
    create(connection, week.name, f"FOR VALUES FROM ('{first}') TO ('{end}')", moved=(first, end))


def create(connection: Connection, suffix: str, bounds: str, *, moved: tuple[str, str] | None = None) -> None:
    """Make a partition of each table; `moved` is the range of ids that are moved from the default partitions.

    A partition is made first and attached then: writers to other partitions go on.
    """
    for table in TABLES:
        name = partition_name(table, suffix)
        connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS INCLUDING INDEXES)")
        for column in table.foreign_keys:
            connection.exec_driver_sql(
                f"ALTER TABLE {name} ADD FOREIGN KEY ({column.parent.name}) "
                f"REFERENCES {partition_name(PREDICTIONS, suffix)} ON DELETE CASCADE"
            )
    if moved is not None:
        _move(connection, suffix, *moved)
    for table in TABLES:
        name = partition_name(table, suffix)
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ATTACH PARTITION {name} {bounds}")


def drop(connection: Connection, old: PartitionSet) -> None:
    """Drop the partitions of a set; the tables must be locked."""
    names = ", ".join(old.table(table) for table in reversed(TABLES))
    connection.exec_driver_sql(f"DROP TABLE {names}")


def _move(connection: Connection, suffix: str, first: str, end: str) -> None:
    names = {table: partition_name(table, DEFAULT) for table in TABLES}
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(names.values())} IN ACCESS EXCLUSIVE MODE")
    for table in TABLES:
        default, new = (
            sa.table(name, *map(sa.column, table.columns.keys()))
            for name in (names[table], partition_name(table, suffix))
        )
        identity = default.c[key(table).name]
        rows = sa.select(default).where(identity >= first, identity < end)
        connection.execute(sa.insert(new).from_select(table.columns.keys(), rows))
    for table in reversed(TABLES):
        default = sa.table(names[table], sa.column(key(table).name))
        identity = default.c[key(table).name]
        connection.execute(sa.delete(default).where(identity >= first, identity < end))
