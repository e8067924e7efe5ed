"""Writes the results of scoring a file: the scored rows, and a second file with the rejected rows and their reasons.

Both files are written under temporary names, and are renamed only after the last row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from models.customer import tables
from training.errors import ColumnsTaken, OutputRefused

REFUSAL = pa.schema([("row", pa.int64()), ("reasons", pa.string())])
"""The columns before a rejected row: its number in the source, from 1 without the header, and all its violations."""


@dataclass
class ScoredFiles:
    """The two open output files."""

    write_scored: Callable[[pa.Table], object]
    write_rejected: Callable[[pa.Table], object]
    has_rejected: bool = False

    def keep(self, rows: pa.Table, predictions: pa.Table) -> None:
        """Write scored rows, each followed by its prediction."""
        if len(rows):
            self.write_scored(_beside(rows, predictions))

    def reject(self, rows: pa.Table, refusals: pa.Table) -> None:
        """Write rejected rows, each preceded by its number and its reasons."""
        if len(rows):
            self.has_rejected = True
            self.write_rejected(_beside(refusals, rows))


def rejected_path(output: Path) -> Path:
    """Return the path of the file for the rejected rows."""
    return output.with_suffix(".rejected.csv")


def require_free(output: Path, *, source: Path) -> None:
    """Check that the results can be written and do not replace the source.

    Raises:
        TableUnreadable: the suffix of the output is not that of a table.
        OutputRefused: the folder is missing, or one of the two paths is a folder or the source.
    """
    tables.require_writable_kind(output)
    if not output.parent.is_dir():
        raise OutputRefused(path=output, problem=f"{output.parent} is not a folder")
    for path in (output, rejected_path(output)):
        if path.is_dir():
            raise OutputRefused(path=path, problem="it is a folder")
        if path.resolve() == source.resolve():
            raise OutputRefused(path=path, problem="it is the file to score, and would be overwritten")


@contextmanager
def writing(output: Path, columns: pa.Schema, predictions: pa.Schema) -> Iterator[ScoredFiles]:
    """Open both files; at the end they replace those of an earlier run. Without rejected rows there is no second file.

    Raises:
        ColumnsTaken: the source already has a column of the predictions.
        OutputRefused: the files cannot be written.
    """
    if taken := [name for name in predictions.names if name in columns.names]:
        raise ColumnsTaken(columns=taken)
    with _translated(output), TemporaryDirectory(dir=output.parent, prefix=".scoring-") as scratch:
        scored, rejected = Path(scratch) / output.name, Path(scratch) / rejected_path(output).name
        with (
            tables.writing(scored, pa.schema([*columns, *predictions])) as write_scored,
            tables.writing(rejected, pa.schema([*REFUSAL, *columns])) as write_rejected,
        ):
            written = ScoredFiles(write_scored, write_rejected)
            yield written
        if written.has_rejected:
            rejected.replace(rejected_path(output))
        else:
            rejected_path(output).unlink(missing_ok=True)
        scored.replace(output)


def _beside(left: pa.Table, right: pa.Table) -> pa.Table:
    return pa.table([*left.columns, *right.columns], schema=pa.schema([*left.schema, *right.schema]))


@contextmanager
def _translated(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputRefused(path=output, problem=error.strerror or "it cannot be written") from error
