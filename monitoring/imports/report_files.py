"""Reads files of outcomes or treatments, and writes their rejected rows to a file in the same folder."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from pydantic import ValidationError

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.origins import ReportSource
from models.customer import parsing, tables
from models.customer.errors import TableUnreadable
from models.customer.files import store_files
from models.customer.files.csv_format import CsvFormat
from models.customer.files.stores import Table
from models.log.outcomes import MAX_OUTCOMES
from monitoring.errors import RejectedUnwritable, ReportsUnreadable
from monitoring.imports.report_kinds import Cells, Kind, Report

_SAME_NAMES = ColumnMapping()
Reject = Callable[["Row", str], None]


@dataclass(frozen=True)
class Row:
    """One row of a file."""

    number: int
    """Counted from 1, without the header."""
    cells: Cells
    fits: bool = True
    """Whether the row has as many cells as the header."""

    def read(self, kind: Kind) -> Report | str:
        """Return the report, or a message with all its problems."""
        if not self.fits:
            return tables.MISFIT
        try:
            return kind.row.model_validate_strings(self.cells)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            return "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in problems)


def chunks(
    path: Table, kind: Kind, *, rows: int = MAX_OUTCOMES, mapping: ColumnMapping = _SAME_NAMES
) -> Iterator[tuple[list[Row], float]]:
    """Yield chunks of at most `rows` rows, each with its share of the file, 0 to 1.

    Raises:
        ReportsUnreadable: the file does not exist, or is not what its suffix says.
        ColumnMissing, ColumnRepeated: it lacks a column, or has it twice.
    """
    try:
        yield from _chunks(path, kind, rows, mapping)
    except TableUnreadable as error:
        raise ReportsUnreadable(path=path, problem=error.problem, remedy=error.remedy) from error


def _chunks(path: Table, kind: Kind, rows: int, mapping: ColumnMapping) -> Iterator[tuple[list[Row], float]]:
    sources = {name: mapping.reported(kind.name, name) for name in kind.columns}
    columns = [source.column for source in sources.values()]
    remedy = partial(mapping.remedy, under=f"[{kind.name}]")
    column_mapping.require(columns, tables.schema(path, mapping.csv).names, remedy=remedy)
    number = 1
    for chunk in tables.chunks(path, rows=rows, columns=columns, style=mapping.csv):
        fits = (~chunk.misfit).tolist()
        cells = (_cells(sources, row, mapping.csv, kind.time) for row in chunk.table.to_pylist())
        found = list(map(Row, count(number), cells, fits))
        yield found, chunk.fraction
        number += len(found)


def rejected_path(path: Table) -> Table:
    """Return the path of the file for the rejected rows."""
    return path.with_suffix(".rejected.csv")


@contextmanager
def rejecting(path: Table, kind: Kind) -> Iterator[Reject]:
    """Yield a function that writes a rejected row and its reason; the file of rejected rows appears at the end.

    Raises:
        RejectedUnwritable: the file of rejected rows cannot be written.
    """
    final = rejected_path(path)
    try:
        with store_files.written(final) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(text)
            rows.writerow(["row", "reasons", *kind.columns])
            yield lambda row, reason: rows.writerow([row.number, reason, *map(row.cells.get, kind.columns)])
    except OSError as error:
        raise RejectedUnwritable(path=final, problem=error.strerror or "it cannot be written") from error


def _cells(sources: Mapping[str, ReportSource], row: Mapping[str, Any], style: CsvFormat, time: str) -> Cells:
    texts = {name: _text(source, row[source.column]) for name, source in sources.items()}
    texts[time] = style.iso_time(texts[time])
    return {name: text for name, text in texts.items() if text is not None}


def _text(source: ReportSource, cell: Any) -> str | None:
    text = None if cell is None else str(cell).strip()
    return source.words.get(parsing.canonical(cell), text) if source.values else text
