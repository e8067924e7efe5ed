"""Finds the files of a folder to score, and says where the results of each one go.

<output>/<file>              the scored rows, for <input>/<file>
<output>/_rejected/<file>.csv    the rejected rows, if there are any
<output>/_scored/<file>.json     what was scored, and with which model; written last, so that the file is done
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.customer import tables
from models.customer.errors import TableUnreadable
from models.customer.files import partitions, store_files, table_formats
from models.customer.files.store_files import Found
from models.customer.files.stores import Table
from training.scoring.errors import OutputRefused
from training.settings import ScoreSettings

REJECTED, RECORDS = "_rejected", "_scored"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FilePlan:
    """One file to score, and where its results go."""

    source: Found
    scored: Table
    rejected: Table
    record: Table

    @property
    def told(self) -> dict[str, str | None]:
        """The columns that the names of its folders tell."""
        return partitions.values(self.source.parts[:-1])


def is_for_folder(settings: ScoreSettings) -> bool:
    """Tell whether the output is a folder with a file for each file of the input.

    Raises:
        TableError: an object store refuses the question.
    """
    names_a_file = settings.output.suffix.lower() in tables.WRITTEN and not settings.output.is_dir()
    return not names_a_file and settings.input.is_dir()


def plan(source: Table, output: Table) -> list[FilePlan]:
    """Return the files of a folder, in the order of their paths.

    Raises:
        TableError: the folder cannot be listed, has no tables, or belongs to a table with a log.
        OutputRefused: one of the folders is in the other, or two files would have one output.
    """
    _require_apart(source, output)
    found = store_files.walk(source)
    table_formats.require_plain(source, found)
    seen = [file for file in found if not file.is_hidden]
    files = [file for file in seen if tables.is_known(file.parts[-1])]
    if not files:
        raise TableUnreadable(path=source, problem="no file in this folder is a table", remedy=tables.REMEDY)
    if other := [file.relative for file in seen if not tables.is_known(file.parts[-1])]:
        logger.warning("left out %d files that are no tables, such as %s", len(other), other[0])
    if hidden := [file.relative for file in found if _looks_forgotten(file)]:
        logger.warning("left out %d tables whose names begin with . or _, such as %s", len(hidden), hidden[0])
    _require_different(files, output)
    return [_plan(file, output) for file in files]


def _looks_forgotten(file: Found) -> bool:
    """Tell whether a hidden table is beside others: a program that hides its tables hides their folder."""
    is_beside = not replace(file, parts=(*file.parts[:-1], "")).is_hidden
    return file.is_hidden and is_beside and tables.is_known(file.parts[-1])


def _plan(file: Found, output: Table) -> FilePlan:
    name = _output_name(file)
    return FilePlan(
        file, output / name, output / f"{REJECTED}/{file.relative}.csv", output / f"{RECORDS}/{file.relative}.json"
    )


def _output_name(file: Found) -> str:
    return file.relative if file.relative.lower().endswith(tables.WRITTEN) else f"{file.relative}.csv"


def _require_apart(source: Table, output: Table) -> None:
    if isinstance(output, Path) and output.exists() and not output.is_dir():
        raise OutputRefused(path=output, problem="it is a file, and results of a folder need a folder")
    first, second = (f"{str(path.resolve()).rstrip('/')}/" for path in (source, output))
    if first.startswith(second) or second.startswith(first):
        raise OutputRefused(path=output, problem="it is, holds or is in the folder to score")


def _require_different(files: Sequence[Found], output: Table) -> None:
    names = Counter(map(_output_name, files))
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise OutputRefused(path=output / twice, problem="it would have the results of two files")
