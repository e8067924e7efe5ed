"""The rows that a query selects from a database: a part is a range of a numeric column.

The query stands in brackets in other statements, and goes to the database as it is otherwise. Each part is one
statement of a connection of its own, and its rows come a chunk at a time, so that ranges may differ in size.
"""

import itertools
import math
import numbers
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from models import plain_text
from models.columns import column_mapping
from models.customer.files.chunk import CHUNK_ROWS
from models.customer.files.csv_format import CsvFormat
from training.data import databases
from training.partitioned.errors import PartitionColumnUnusable


@dataclass(frozen=True)
class KeyRange:
    """The rows whose key is at least `low` and below `high`, which are numbers as SQL has them; None has no bound."""

    low: str | None
    high: str | None
    rows: int

    def condition(self, key: str) -> str:
        """Return the condition on a quoted column."""
        bounds = [f"{key} {sign} {bound}" for sign, bound in ((">=", self.low), ("<", self.high)) if bound is not None]
        return " AND ".join(bounds) or f"{key} IS NOT NULL"


@dataclass(frozen=True)
class DatabaseTable:
    """The result of a query."""

    address: str = field(repr=False)  # it may hold a password
    query: str
    key: str
    """The column whose ranges are the parts."""
    unchanging = "Select rows that no longer change with --query, such as those from before a day."

    @property
    def name(self) -> str:
        """The database, without a password."""
        return databases.name(self.address)

    def columns(self, style: CsvFormat) -> list[str]:  # noqa: ARG002  # of files of text
        """Return the names of the query's columns.

        Raises:
            SourceUnreadable: the database does not run the query.
        """
        statement = self._from("*", "1 = 0")
        with databases.connected(self.address, statement) as connection:
            return list(connection.exec_driver_sql(statement).keys())

    def parts(self, rows: int) -> list[KeyRange]:
        """Divide the rows into ranges of about so many; rows with equal keys are in one range.

        Raises:
            SourceUnreadable: the database does not run the query.
            ColumnMissing, PartitionColumnUnusable: the column is not there, no number, or unknown in some rows.
        """
        column_mapping.require([self.key], self.columns(CsvFormat()), remedy=lambda _: _REMEDY)
        statement = self._from("*")
        with databases.connected(self.address, statement) as connection:
            known = self._count(connection)
            wanted = math.ceil(known / rows)
            bounds = self._bounds(connection, wanted) if wanted > 1 else []
        ends = [None, *bounds, None]
        share = math.ceil(known / (len(ends) - 1))
        return [KeyRange(low, high, share) for low, high in itertools.pairwise(ends)] if known else []

    def chunks(self, part: KeyRange, columns: Sequence[str], style: CsvFormat) -> Iterator[pd.DataFrame]:  # noqa: ARG002  # of files of text
        """Yield the rows of a range, a chunk at a time, with the types that a whole table from this database has.

        Raises:
            SourceUnreadable: the database does not run the query.
        """
        with databases.connected(self.address, self._from("*")) as connection:
            statement = self._from("*", part.condition(self._quoted(connection)))
            streaming = connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS)
            for chunk in pd.read_sql_query(statement, streaming, chunksize=CHUNK_ROWS):
                yield chunk[list(columns)]

    def reading(self) -> AbstractContextManager[None]:
        """Convert nothing: what reads the rows does it."""
        return nullcontext()

    def _count(self, connection: Connection) -> int:
        """Count the rows, all of which must have a number as key."""
        key = self._quoted(connection)
        try:
            statement = self._from(f"count(*), count({key}), min({key}), max({key})")
            rows, known, least, most = connection.exec_driver_sql(statement).one()
        except SQLAlchemyError as error:  # a type without an order
            problem = f"it has no smallest and largest value: {plain_text.first_line(getattr(error, 'orig', error))}"
            raise PartitionColumnUnusable(column=self.key, problem=problem) from error
        for value in (least, most):
            if value is not None and not _is_number(value):
                raise PartitionColumnUnusable(column=self.key, problem=f"it has the value {value!r}, no number")
        if known < rows:
            problem = f"it is NULL in {rows - known:,} of {rows:,} rows"
            raise PartitionColumnUnusable(column=self.key, problem=problem)
        return int(rows)

    def _bounds(self, connection: Connection, parts: int) -> list[str]:
        """Return the smallest keys of all parts but the first, in their order, each once."""
        key = self._quoted(connection)
        tiles = self._from(f"{key} AS bound, NTILE({parts}) OVER (ORDER BY {key}) AS tile")
        statement = f"SELECT min(bound) FROM ({tiles}) tiles GROUP BY tile"  # noqa: S608  # the user's own query
        found = sorted(set(connection.exec_driver_sql(statement).scalars()))
        return [format(Decimal(bound), "f") for bound in found[1:]]

    def _quoted(self, connection: Connection) -> str:
        return connection.dialect.identifier_preparer.quote(self.key)

    def _from(self, selected: str, condition: str = "") -> str:
        """Return a statement whose lines have the numbers of the query's lines."""
        where = f" WHERE {condition}" if condition else ""
        return f"SELECT {selected} FROM ({_without_end(self.query)}\n) selected{where}"  # noqa: S608  # the user's own query


_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<end>;) | (?P<ignored>--[^\n]* | /\*.*?\*/ | \s+) | .""",
    re.DOTALL | re.VERBOSE,
)
_REMEDY = "Name a numeric column of the query with --partition-column."


def _without_end(query: str) -> str:
    """Return a query without the semicolon at its end and the comments behind that, which no brackets can hold.

    >>> _without_end("select ';' as a from t; -- a note")
    "select ';' as a from t"
    """
    end = None
    for token in _TOKEN.finditer(query):
        if token["end"] and end is None:
            end = token.start()
        elif not token["end"] and not token["ignored"]:
            end = None
    return query[:end]


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, numbers.Real | Decimal) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
