"""Errors of scoring files.

ScoringError
├── OutputRefused         the results cannot be written to the given path
├── ColumnsTaken          the file already has columns of the results
├── NothingScored         no row satisfies the contract
├── FilesFailed           some files of a folder cannot be scored
└── ScoringEnded          no file of a folder can be scored any more
"""

import errno
from collections.abc import Mapping, Sequence

from models import plain_text
from models.customer import offending
from models.customer.files.stores import Table
from models.customer.offending import SHOWN, OffendingValues
from training.errors import TrainingError


class ScoringError(TrainingError):
    """Base of all other errors about a file that cannot be scored."""


_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class OutputRefused(ScoringError):
    """The results cannot be written to the given path."""

    def __init__(self, *, path: Table, problem: str, remedy: str | None = None, is_general: bool = False) -> None:
        self.path, self.problem = path, problem
        self.is_general = is_general
        """Whether no other file can be written either."""
        super().__init__(
            f"{path}: {problem}. {remedy or 'Name another file, in a folder that this process may write to.'}"
        )

    @classmethod
    def of(cls, path: Table, error: OSError) -> "OutputRefused":
        """Say what the operating system refused."""
        problem = error.strerror or plain_text.first_line(error).rstrip(".!")
        return cls(path=path, problem=problem, is_general=error.errno in _OF_THE_DISK)


class ColumnsTaken(ScoringError):
    """The file already has columns of the results."""

    def __init__(self, *, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        super().__init__(f"the source already has {', '.join(columns)}. Rename or remove them, then score it again.")


class NothingScored(ScoringError):
    """No row of a file satisfies the contract."""

    def __init__(self, *, path: Table, rows: int, reasons: Mapping[str, int], values: OffendingValues) -> None:
        self.path, self.rows, self.reasons = path, rows, dict(reasons)
        listed = offending.describe(reasons, values)
        problem = f"none of its {rows} rows satisfies the contract ({listed})" if rows else "it has no rows"
        super().__init__(
            f"{path}: {problem}. {values.remedy()}Correct the file, or map its columns with --columns FILE.toml."
        )


class FilesFailed(ScoringError):
    """Some files of a folder cannot be scored; the others are."""

    def __init__(self, *, problems: Mapping[str, str], files: int) -> None:
        self.problems, self.files = dict(problems), files
        shown = " ".join(f"[{name}] {text}" for name, text in list(problems.items())[:SHOWN])
        more = f" And {len(problems) - SHOWN:,} more." if len(problems) > SHOWN else ""
        super().__init__(
            f"{len(problems):,} of {files:,} files were not scored; the others are written. Correct these, and run the "
            f"command again: it scores only what is missing. {shown}{more}"
        )


class ScoringEnded(ScoringError):
    """Scoring a folder ended, because its other files would fail likewise."""

    def __init__(self, *, file: str | None, problem: str, done: int, files: int) -> None:
        self.file, self.problem, self.done, self.files = file, problem, done, files
        where = f"[{file}] " if file else ""
        super().__init__(f"{where}{problem} {done:,} of {files:,} files are done; the next run scores the others.")
