"""Reads files of outcomes, and writes their rejected rows to a file in the same folder."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, ValidationError

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.origins import OutcomeSource
from models.customer import parsing, tables
from models.customer.errors import TableUnreadable
from models.customer.files import store_files
from models.customer.files.csv_format import CsvFormat
from models.customer.files.stores import Table
from models.log import reported_times
from models.log.outcomes import MAX_OUTCOMES, Outcome
from models.times import Time
from monitoring.errors import OutcomesUnreadable, RejectedUnwritable

COLUMNS = tuple(Outcome.model_fields)
Cells = Mapping[str, str]
"""Column to cell, as text; null and missing cells are left out."""
_SAME_NAMES = ColumnMapping()
Reject = Callable[["Row", str], None]


class _Line(Outcome):
    """An outcome in the format of files: yes and 1 are true, and a time without a zone is UTC."""

    model_config = ConfigDict(strict=False)

    churned: Annotated[bool, BeforeValidator(parsing.whole)]
    observed_at: Annotated[Time, reported_times.POSSIBLE]


@dataclass(frozen=True)
class Row:
    """One row of a file."""

    number: int
    """Counted from 1, without the header."""
    cells: Cells
    fits: bool = True
    """Whether the row has as many cells as the header."""

    def read(self) -> Outcome | str:
        """Return the outcome, or a message with all its problems."""
        if not self.fits:
            return tables.MISFIT
        try:
            return _Line.model_validate_strings(self.cells)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            return "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in problems)


def chunks(
    path: Table, *, rows: int = MAX_OUTCOMES, mapping: ColumnMapping = _SAME_NAMES
) -> Iterator[tuple[list[Row], float]]:
    """Yield chunks of at most `rows` rows, each with its share of the file, 0 to 1.

    Raises:
        OutcomesUnreadable: the file does not exist, or is not what its suffix says.
        ColumnMissing, ColumnRepeated: it lacks a column, or has it twice.
    """
    try:
        yield from _chunks(path, rows, mapping)
    except TableUnreadable as error:
        raise OutcomesUnreadable(path=path, problem=error.problem, remedy=error.remedy) from error


def _chunks(path: Table, rows: int, mapping: ColumnMapping) -> Iterator[tuple[list[Row], float]]:
    sources = {name: mapping.outcome(name) for name in COLUMNS}
    columns = [source.column for source in sources.values()]
    column_mapping.require(columns, tables.schema(path, mapping.csv).names, remedy=mapping.remedy)
    number = 1
    for chunk in tables.chunks(path, rows=rows, columns=columns, style=mapping.csv):
        fits = (~chunk.misfit).tolist()
        cells = (_cells(sources, row, mapping.csv) for row in chunk.table.to_pylist())
        found = list(map(Row, count(number), cells, fits))
        yield found, chunk.fraction
        number += len(found)


def rejected_path(path: Table) -> Table:
    """Return the path of the file for the rejected rows."""
    return path.with_suffix(".rejected.csv")


@contextmanager
def rejecting(path: Table) -> Iterator[Reject]:
    """Yield a function that writes a rejected row and its reason; the file of rejected rows appears at the end.

    Raises:
        RejectedUnwritable: the file of rejected rows cannot be written.
    """
    final = rejected_path(path)
    try:
        with store_files.written(final) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(text)
            rows.writerow(["row", "reasons", *COLUMNS])
            yield lambda row, reason: rows.writerow([row.number, reason, *map(row.cells.get, COLUMNS)])
    except OSError as error:
        raise RejectedUnwritable(path=final, problem=error.strerror or "it cannot be written") from error


def _cells(sources: Mapping[str, OutcomeSource], row: Mapping[str, Any], style: CsvFormat) -> Cells:
    texts = {name: _text(source, row[source.column]) for name, source in sources.items()}
    texts["observed_at"] = style.iso_time(texts["observed_at"])
    return {name: text for name, text in texts.items() if text is not None}


def _text(source: OutcomeSource, cell: Any) -> str | None:
    text = None if cell is None else str(cell).strip()
    return source.words.get(parsing.canonical(cell), text) if source.values else text
