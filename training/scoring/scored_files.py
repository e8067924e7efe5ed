"""What scoring a file leaves behind: the scored rows, and beside them the rejected ones with their reasons.

Both files are written under other names and appear at the end, or not at all.
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
"""What a rejected row begins with: its number in the source, from 1 and without the header, and all that is wrong."""


@dataclass
class ScoredFiles:
    """The two files while they are written."""

    write_scored: Callable[[pa.Table], object]
    write_rejected: Callable[[pa.Table], object]
    has_rejected: bool = False

    def keep(self, rows: pa.Table, predictions: pa.Table) -> None:
        """Write rows of the source, each followed by its prediction."""
        if len(rows):
            self.write_scored(_beside(rows, predictions))

    def reject(self, rows: pa.Table, refusals: pa.Table) -> None:
        """Write rows of the source, each behind its refusal."""
        if len(rows):
            self.has_rejected = True
            self.write_rejected(_beside(refusals, rows))


def rejected_path(output: Path) -> Path:
    """Name the file that holds the rejected rows."""
    return output.with_suffix(".rejected.csv")


def require_free(output: Path, *, source: Path) -> None:
    """Make sure that results may be written, and would not replace the source.

    Raises:
        TableUnreadable: the output's suffix is not that of a table.
        OutputRefused: a folder is missing or in the way, or one of the two files is the source.
    """
    tables.require_kind(output)
    if not output.parent.is_dir():
        raise OutputRefused(path=output, problem=f"{output.parent} is not a folder")
    for path in (output, rejected_path(output)):
        if path.is_dir():
            raise OutputRefused(path=path, problem="it is a folder")
        if path.resolve() == source.resolve():
            raise OutputRefused(path=path, problem="it is the file to score, and would be replaced")


@contextmanager
def writing(output: Path, columns: pa.Schema, predictions: pa.Schema) -> Iterator[ScoredFiles]:
    """Open both files; at the end they replace those of an earlier run, and where no row was rejected only one is left.

    Raises:
        ColumnsTaken: the source has a column that a prediction would add.
        OutputRefused: they cannot be written.
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
