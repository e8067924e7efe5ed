"""Writes the results of scoring a file: the scored rows, and a second file with the rejected rows and their reasons.

Both files are written under temporary names, and are renamed or uploaded only after the last row.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from models.batches import PREDICTION
from models.customer import tables
from models.customer.files import store_errors, store_files
from models.customer.files.stores import StorePath, Table
from training.scoring.errors import ColumnsTaken, OutputRefused

SCRATCH = f"{store_files.SCRATCH}folder-"
"""Beginning of the names of folders for unfinished files, if all files of a folder are scored."""
_ROW, _REASONS, _FILE = pa.field("row", pa.int64()), pa.field("reasons", pa.string()), pa.field("file", pa.string())
"""The columns before a rejected row: its number in the source, from 1 without the header, and all its violations."""


@dataclass
class ScoredFiles:
    """The two open output files."""

    write_scored: Callable[[pa.Table], object]
    write_rejected: Callable[[pa.Table], object]
    file: str | None = None
    has_rejected: bool = False
    scored_bytes: int = 0
    """Size of the file of scored rows, when it is whole."""

    def keep(self, rows: pa.Table, predictions: pa.Table) -> None:
        """Write scored rows, each followed by its prediction."""
        if len(rows):
            self.write_scored(_beside(rows, predictions))

    def reject(self, rows: pa.Table, numbers: Sequence[int], reasons: Sequence[str]) -> None:
        """Write rejected rows, each preceded by its file if there are several, its number and its reasons."""
        if len(rows):
            self.has_rejected = True
            cells = [numbers, reasons] if self.file is None else [[self.file] * len(rows), numbers, reasons]
            self.write_rejected(_beside(pa.table(cells, schema=_refusal(self.file)), rows))


def rejected_path(output: Table) -> Table:
    """Return the path of the file for the rejected rows."""
    return output.with_suffix(".rejected.csv")


def require_free(output: Table, *, source: Table) -> None:
    """Check that the results can be written and do not replace the source.

    Raises:
        TableUnreadable: the suffix of the output is not that of a table.
        OutputRefused: the folder is missing, or one of the two paths is a folder or the source.
    """
    tables.require_writable_kind(output)
    if isinstance(output, Path) and not output.parent.is_dir():
        raise OutputRefused(path=output, problem=f"{output.parent} is not a folder")
    for path in (output, rejected_path(output)):
        if path.is_dir():
            raise OutputRefused(path=path, problem="it is a folder")
        if path.resolve() == source.resolve():
            raise OutputRefused(path=path, problem="it is the file to score, and would be overwritten")


@contextmanager
def writing(output: Table, rejected: Table, columns: pa.Schema, *, file: str | None = None) -> Iterator[ScoredFiles]:
    """Open both files; at the end they replace those of an earlier run. Without rejected rows there is no second file.

    `file` is written before each rejected row.

    Raises:
        ColumnsTaken: the source already has a column of the predictions.
        OutputRefused: the files cannot be written.
    """
    if taken := [name for name in PREDICTION.names if name in columns.names]:
        raise ColumnsTaken(columns=taken)
    prefix = store_files.SCRATCH if file is None else SCRATCH
    with translated(output), TemporaryDirectory(dir=_scratch(output), prefix=prefix) as folder:
        scratch = Path(folder) / f"scored{output.suffix}", Path(folder) / "rejected.csv"
        with (
            tables.writing(scratch[0], pa.schema([*columns, *PREDICTION])) as write_scored,
            tables.writing(scratch[1], pa.schema([*_refusal(file), *columns])) as write_rejected,
        ):
            written = ScoredFiles(write_scored, write_rejected, file)
            yield written
        written.scored_bytes = scratch[0].stat().st_size
        if written.has_rejected:
            _make_folder(rejected)
            store_files.place(scratch[1], rejected)
        else:
            store_files.remove(rejected)
        store_files.place(scratch[0], output)


def _scratch(output: Table) -> Path | None:
    """Return the folder for unfinished files: a rename needs one of the same disk."""
    _make_folder(output)
    return output.parent if isinstance(output, Path) else None


def _make_folder(output: Table) -> None:
    if isinstance(output, Path):
        output.parent.mkdir(parents=True, exist_ok=True)


def _refusal(file: str | None) -> pa.Schema:
    return pa.schema([*([] if file is None else [_FILE]), _ROW, _REASONS])


def _beside(left: pa.Table, right: pa.Table) -> pa.Table:
    return pa.table([*left.columns, *right.columns], schema=pa.schema([*left.schema, *right.schema]))


@contextmanager
def translated(output: Table) -> Iterator[None]:
    """Convert the errors of looking at results, and of writing them.

    Raises:
        OutputRefused: the disk refuses.
        StoreUnusable: the store refuses, or cannot be reached.
    """
    try:
        yield
    except OSError as error:
        refused = store_errors.known(output, error) if isinstance(output, StorePath) else None
        raise refused or OutputRefused.of(output, error) from error
