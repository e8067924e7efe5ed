"""Reads from PostgreSQL's catalogue which partitions the log's tables have.

The partitions of a week are a set: one of each table, made and dropped together, with the same suffix to their names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from models.log.log_tables import CHALLENGER_PREDICTIONS, OUTCOMES, PREDICTIONS, TRAFFIC

TABLES = (PREDICTIONS, CHALLENGER_PREDICTIONS, OUTCOMES, TRAFFIC)
"""In the order in which they are locked, and in which rows refer to one another."""
BEFORE, DEFAULT = "before", "default"
"""Suffixes of the partitions of rows from before the tables were partitioned, and of rows whose week has none."""
State = Literal["missing", "whole", "partitioned"]
_STATES: dict[str | None, State] = {None: "missing", "r": "whole", "p": "partitioned"}
_BOUNDS = re.compile(r"FROM \((?:MINVALUE|'(?P<first>[0-9a-f]{32})')\) TO \('(?P<end>[0-9a-f]{32})'\)")
_PARTITIONS = sa.text("""
SELECT substr(part.relname, length(:parent) + 2) AS suffix, pg_get_expr(part.relpartbound, part.oid) AS bounds,
       pg_has_role(part.relowner, 'USAGE') AS is_owned
FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid
WHERE inhparent = to_regclass(:parent)
""")


@dataclass(frozen=True, order=True)
class PartitionSet:
    """The partitions of all tables with the rows of one range of ids."""

    first_id: str
    """Empty if there is no lower bound."""
    end_id: str
    """The lower bound of the ids after it."""
    suffix: str
    is_owned: bool
    """Whether this user of the database may drop it."""

    def table(self, parent: sa.Table) -> str:
        """Return the name of its partition of a table."""
        return partition_name(parent, self.suffix)


def partition_name(parent: sa.Table, suffix: str) -> str:
    """Return the name of a partition."""
    return f"{parent.name}_{suffix}"


def key(table: sa.Table) -> sa.Column[str]:
    """Return the column by which a table is partitioned, the first of its primary key."""
    return next(iter(table.primary_key))


def state(connection: Connection) -> State:
    """Tell whether the tables exist, and are partitioned; those of SQLite are always whole."""
    if connection.dialect.name != "postgresql":
        return "whole"
    found = sa.text("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(:name)")
    return _STATES[connection.scalar(found, {"name": PREDICTIONS.name})]


def partition_sets(connection: Connection) -> list[PartitionSet]:
    """Return the sets in the order of their ids, without the default; none if the tables are not partitioned."""
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.execute(_PARTITIONS, {"parent": PREDICTIONS.name})
    found = [(row, _BOUNDS.search(row.bounds)) for row in rows]
    return sorted(
        PartitionSet(bounds["first"] or "", bounds["end"], row.suffix, row.is_owned) for row, bounds in found if bounds
    )


def covers(sets: Sequence[PartitionSet], first_id: str) -> bool:
    """Return whether one of the sets has the rows that begin with an id."""
    return any(one.first_id <= first_id < one.end_id for one in sets)
