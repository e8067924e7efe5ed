"""The errors of the monitoring commands. Each has its facts as attributes and ends its message with the remedy.

CannotTell
├── PeriodInvalid       the options for the window contradict each other
├── ConflictingSources  the options name both a file and a window of the log
├── ColumnsMissing      a file lacks columns of the contract
├── TooFewRows          there are not enough live rows
├── NothingToCompare    no column can be compared
├── OutputUnwritable    the result cannot be saved
├── RunUnknown          no run has the given name
├── OutcomesUnreadable  a file of outcomes cannot be used
├── RejectedUnwritable  the rejected rows of that file cannot be saved
└── NothingRecorded     none of its rows could be recorded

Commands also fail with errors of `models`: `BundleError`, `LogError` and `TableError`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

CANNOT_TELL = 2
"""Exit code of a run without a verdict, and of a program that could not start."""


class CannotTell(Exception):
    """Base of all errors of this package."""


class PeriodInvalid(CannotTell):
    """The options for the window contradict each other."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"invalid window: {problem}. Give --since 24h, or --from with an earlier time than --to.")


class ConflictingSources(CannotTell):
    """The options name both a file and a window of the log."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: a file has no window of time. Leave out --live, or --since, --from and --to.")


class ColumnsMissing(CannotTell):
    """A file lacks columns of the contract."""

    def __init__(self, *, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, columns
        super().__init__(f"{path}: no column {', '.join(columns)}. Use the column names of models/features.py.")


class TooFewRows(CannotTell):
    """There are not enough live rows."""

    def __init__(self, *, source: str, rows: int, min_rows: int) -> None:
        self.source, self.rows, self.min_rows = source, rows, min_rows
        super().__init__(
            f"{source}: {rows} rows, at least {min_rows} are needed. "
            "Wait for more rows, choose a longer window, or lower --min-rows."
        )


class NothingToCompare(CannotTell):
    """No column can be compared."""

    def __init__(self, *, reasons: Mapping[str, str]) -> None:
        self.reasons = reasons
        listed = "; ".join(f"{column}: {reason}" for column, reason in reasons.items())
        super().__init__(f"no column can be compared: {listed}. Check the source of the live rows.")


class OutputUnwritable(CannotTell):
    """The result cannot be saved."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Give a folder that this process may write to with --output-dir.")


class RunUnknown(CannotTell):
    """No run has the given name."""

    def __init__(self, *, run: str, folder: Path, newest: str | None) -> None:
        self.run, self.folder, self.newest = run, folder, newest
        remedy = f"Give the name of its record, such as {newest}, its id on the dashboard, or latest."
        if newest is None:
            remedy = "Run `python -m monitoring drift` first, or give the folder of its reports/ with --output-dir."
        super().__init__(f"{folder}: no record of a run {run}. {remedy}")


class OutcomesUnreadable(CannotTell):
    """A file of outcomes cannot be used."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. Give a .csv or .parquet file with the columns prediction_id, churned and observed_at."
        )


class RejectedUnwritable(CannotTell):
    """The rejected rows of a file of outcomes cannot be saved."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Move the file of outcomes to a folder that this process may write to.")


class NothingRecorded(CannotTell):
    """No row of a file of outcomes could be recorded."""

    def __init__(self, *, path: Path, rows: int, rejected: Path) -> None:
        self.path, self.rows, self.rejected = path, rows, rejected
        super().__init__(
            f"{path}: none of {rows:,} rows could be recorded; {rejected} has the reasons. Correct the rows, or give "
            "the log that has these predictions with --log-url."
        )
