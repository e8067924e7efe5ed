"""Inserts the rows of a page into the log's database. A row that cannot be stored does not keep out the others."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import DataError, IntegrityError

from models import plain_text
from models.log import log_tables
from service.log import page_format, spool
from service.log.row_checks import RowCheck, Value

BATCH_ROWS = 2_000
"""Most rows in one transaction, so that a page of any size needs little memory."""
TABLES = {
    table.name: (table, RowCheck(table))
    for table in (log_tables.PREDICTIONS, log_tables.CHALLENGER_PREDICTIONS, log_tables.TRAFFIC)
}
_LISTED_FAULTS = 20
_Numbered = tuple[int, tuple[Value, ...]]


class PageInsertion:
    """The insertion of one page; `fault` says afterwards what could not be stored."""

    def __init__(self, page: Path, connection: Connection) -> None:
        self._page, self._connection = page, connection
        self.stored = 0
        """Rows that are in the database."""
        self._faulty = 0
        self._faults: list[str] = []
        self._written: int | None = None

    def run(self, *, is_final: bool) -> None:
        """Insert the rows that can be stored; existing rows are skipped.

        Raises:
            ValueError: this is no page at all.
            IntegrityError: a row refers to one that is not there, and the insertion is not final.
            SQLAlchemyError: the database does not answer, or rejects a statement for another reason than its rows.
            OSError: the page cannot be opened.
        """
        name = spool.parse(self._page)
        if name.table not in TABLES:
            raise ValueError(f"the log has no table {name.table!r}; another version of the service wrote it")
        table, check = TABLES[name.table]
        self._written = name.rows
        if rows := _whole(self._page, check, name.rows):
            self._insert(rows, table, is_final=is_final)
            return
        batch: list[_Numbered] = []
        for row in page_format.read(self._page, checked=name.rows is not None):
            try:
                batch.append((row.line, check.values(_intact(row))))
            except ValueError as error:
                self._blame(row.line, str(error))
            if len(batch) >= BATCH_ROWS:
                self._insert(batch, table, is_final=is_final)
                batch = []
        if batch:
            self._insert(batch, table, is_final=is_final)

    @property
    def fault(self) -> str:
        """What could not be stored, as lines for a person; empty if all rows are stored."""
        lost = self._faulty if self._written is None else max(self._written - self.stored, 0)
        if self.stored and not lost and not self._faulty:
            return ""
        if self._written is None and not self._faulty:
            return "The file is empty; its rows are lost."
        total = self.stored + self._faulty if self._written is None else self._written
        some = f"{lost:,} of {total:,} rows are not in the log; the others are." if self.stored else ""
        more = [f"and {self._faulty - _LISTED_FAULTS:,} more"] if self._faulty > _LISTED_FAULTS else []
        return "\n".join([some or f"None of its {total:,} rows is in the log.", *self._faults, *more])

    def _insert(self, rows: Sequence[_Numbered], table: Table, *, is_final: bool) -> None:
        try:
            with self._connection.begin():
                statement = _insertion(table, self._connection.dialect)
                for part in page_format.parts(rows):
                    self._connection.exec_driver_sql(statement, [values for _, values in part])
        except (DataError, IntegrityError) as error:
            if isinstance(error, IntegrityError) and not is_final:
                raise
            if len(rows) == 1:
                is_orphan = isinstance(error, IntegrityError) and table.foreign_keys
                self._blame(rows[0][0], "the log has no such prediction" if is_orphan else explain(error))
                return
            middle = len(rows) // 2
            for half in (rows[:middle], rows[middle:]):
                self._insert(half, table, is_final=is_final)
        else:
            self.stored += len(rows)

    def _blame(self, line: int, reason: str) -> None:
        self._faulty += 1
        if self._faulty <= _LISTED_FAULTS:
            self._faults.append(f"line {line}: {reason}")


def explain(error: Exception) -> str:
    """Return the first line of an error, without the SQL statement and its values."""
    return plain_text.first_line(getattr(error, "orig", None) or error)


@lru_cache(maxsize=8)
def _insertion(table: Table, dialect: Dialect) -> str:
    return log_tables.insertion(table, dialect)


def _whole(page: Path, check: RowCheck, written: int | None) -> list[_Numbered] | None:
    """Return the rows of a page without any fault; None for all others, which are read row by row."""
    if written is None or written > BATCH_ROWS:
        return None
    values: list[tuple[Value, ...]] = []
    for part in page_format.parts(page_format.read_intact(page) or []):
        if (checked := check.all_values(part)) is None:
            return None
        values += checked
    return list(enumerate(values, 1))


def _intact(row: page_format.Row) -> str:
    if row.fault:
        raise ValueError(row.fault)
    return row.text
