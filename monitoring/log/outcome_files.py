"""Reads files of outcomes (CSV or Parquet), and writes their rejected rows to a file in the same folder."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, ValidationError

from models.customer import tables
from models.customer.errors import ColumnRepeated, TableUnreadable
from models.log.outcomes import MAX_OUTCOMES, Outcome
from monitoring.errors import OutcomesUnreadable, RejectedUnwritable
from monitoring.settings import Time

COLUMNS = tuple(Outcome.model_fields)
Cells = Mapping[str, str]
"""Column to cell, as text; null and missing cells are left out."""
Reject = Callable[["Row", str], None]


class _Line(Outcome):
    """An outcome in the format of files: yes and 1 are true, and a time without a zone is UTC."""

    model_config = ConfigDict(strict=False)

    churned: Annotated[bool, BeforeValidator(lambda cell: cell.removesuffix(".0"))]
    observed_at: Time


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


def chunks(path: Path, *, rows: int = MAX_OUTCOMES) -> Iterator[tuple[list[Row], float]]:
    """Yield chunks of at most `rows` rows, each with its share of the file, 0 to 1.

    Raises:
        OutcomesUnreadable: the file does not exist, is not what its suffix says, or lacks a column.
    """
    try:
        yield from _chunks(path, rows)
    except ColumnRepeated as error:
        raise OutcomesUnreadable(path=path, problem=f"column {', '.join(error.columns)} is there twice") from error
    except TableUnreadable as error:
        raise OutcomesUnreadable(path=path, problem=error.problem) from error


def _chunks(path: Path, rows: int) -> Iterator[tuple[list[Row], float]]:
    present = tables.schema(path).names
    if missing := [name for name in COLUMNS if name not in present]:
        raise OutcomesUnreadable(path=path, problem=f"no column {', '.join(missing)}")
    number = 1
    for chunk in tables.chunks(path, rows=rows, columns=COLUMNS):
        cells, fits = map(_cells, chunk.table.to_pylist()), (~chunk.misfit).tolist()
        found = list(map(Row, count(number), cells, fits))
        yield found, chunk.fraction
        number += len(found)


def rejected_path(path: Path) -> Path:
    """Return the path of the file for the rejected rows."""
    return path.with_suffix(".rejected.csv")


@contextmanager
def rejecting(path: Path) -> Iterator[Reject]:
    """Yield a function that writes a rejected row and its reason; the file of rejected rows appears at the end.

    Raises:
        RejectedUnwritable: the file of rejected rows cannot be written.
    """
    final = rejected_path(path)
    try:
        with TemporaryDirectory(dir=path.parent, prefix=".importing-") as scratch:
            unfinished = Path(scratch) / final.name
            with unfinished.open("w", encoding="utf-8", newline="") as text:
                rows = csv.writer(text)
                rows.writerow(["row", "reasons", *COLUMNS])
                yield lambda row, reason: rows.writerow([row.number, reason, *map(row.cells.get, COLUMNS)])
            unfinished.replace(final)
    except OSError as error:
        raise RejectedUnwritable(path=final, problem=error.strerror or "it cannot be written") from error


def _cells(row: Mapping[str, Any]) -> Cells:
    return {name: str(value).strip() for name, value in row.items() if value is not None}
