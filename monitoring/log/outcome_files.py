"""Files of outcomes, CSV or Parquet, read some rows at a time; and the file beside each for rows that are rejected."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import pyarrow.parquet as pq
from pydantic import BeforeValidator, ConfigDict, ValidationError

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
            return "another number of cells than the header"
        try:
            return _Line.model_validate_strings(self.cells)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            return "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in problems)


def chunks(path: Path, *, rows: int = MAX_OUTCOMES) -> Iterator[list[Row]]:
    """Read a file, at most so many rows at a time.

    Raises:
        OutcomesUnreadable: there is no such file, it lacks a column, or it is not what its suffix says.
    """
    read = {".csv": _csv_rows, ".parquet": _parquet_rows}.get(path.suffix.lower())
    if read is None:
        raise OutcomesUnreadable(path=path, problem=f"{path.suffix or 'no suffix'} is not a kind of file that is known")
    try:
        found = read(path)
        while some := list(islice(found, rows)):
            yield some
    except (OSError, ValueError, csv.Error) as error:  # what pyarrow raises is one of the first two
        problem = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        raise OutcomesUnreadable(path=path, problem=problem.splitlines()[0].rstrip(".")) from error


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


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.DictReader(text, strict=True)
        _require_columns(rows.fieldnames or ())
        for number, row in enumerate(rows, 1):
            cells = {name: row[name].strip() for name in COLUMNS if row[name] is not None}
            yield Row(number, cells, fits=None not in row and None not in row.values())


def _parquet_rows(path: Path) -> Iterator[Row]:
    # Else pyarrow reads ahead, and keeps what it has read: all of the file in the end.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        _require_columns(file.schema_arrow.names)
        batches = file.iter_batches(MAX_OUTCOMES, columns=list(COLUMNS))
        for number, row in enumerate((row for batch in batches for row in batch.to_pylist()), 1):
            yield Row(number, {name: str(value).strip() for name, value in row.items() if value is not None})


def _require_columns(found: Any) -> None:
    if wrong := [name for name in COLUMNS if list(found).count(name) != 1]:
        raise ValueError(f"not exactly one column {', '.join(wrong)}")
