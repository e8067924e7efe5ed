"""Reads files of outcomes (CSV or Parquet), and writes the rejected rows to a file beside each."""

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
from models.log.outcomes import MAX_OUTCOMES, Outcome
from monitoring.errors import OutcomesUnreadable, RejectedUnwritable
from monitoring.settings import Time

COLUMNS = tuple(Outcome.model_fields)
Cells = Mapping[str, str]
"""Of those columns, as text; one that is null, or not there, is left out."""
Reject = Callable[["Row", str], None]


class _Line(Outcome):
    """An outcome as files have it: yes and 1 are true, and a time is UTC's unless it names its zone."""

    model_config = ConfigDict(strict=False)

    churned: Annotated[bool, BeforeValidator(lambda cell: cell.removesuffix(".0"))]
    observed_at: Time


@dataclass(frozen=True)
class Row:
    """One row of a file."""

    number: int
    """From 1, without the header."""
    cells: Cells
    fits: bool = True
    """Whether it has as many cells as the header."""

    def read(self) -> Outcome | str:
        """Return the outcome, or all that is wrong."""
        if not self.fits:
            return tables.MISFIT
        try:
            return _Line.model_validate_strings(self.cells)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            return "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in problems)


def chunks(path: Path, *, rows: int = MAX_OUTCOMES) -> Iterator[tuple[list[Row], float]]:
    """Read a file, at most so many rows at a time, each time with the share of the file that they take, 0 to 1.

    Raises:
        TableError: there is no such file, or it is not what its suffix says.
        OutcomesUnreadable: it lacks a column.
    """
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
    """Name the file that holds the rejected rows of a file."""
    return path.with_suffix(".rejected.csv")


@contextmanager
def rejecting(path: Path) -> Iterator[Reject]:
    """Yield what writes a row of the file, with the reason, to the file beside it; that one appears at the end.

    Raises:
        RejectedUnwritable: it cannot be written.
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
