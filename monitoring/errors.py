"""Every reason why a command cannot do its work. Each keeps its facts as attributes and ends with the remedy.

CannotTell
├── PeriodInvalid      no window of time was named, or two
├── TwoSources         rows from a file and from the log were asked for
├── ColumnsMissing     a file lacks columns of the contract
├── TooFewRows         there are not enough live rows to see anything
├── NothingToJudge     no column can be compared
├── OutputUnwritable   what was found cannot be kept
├── RunUnknown         no run has the name that was given
├── OutcomesUnreadable a file of outcomes cannot be used
├── RejectedUnwritable rows of it that are rejected cannot be kept
└── NothingRecorded    none of its rows could be recorded

Other reasons come from `models`: `BundleError`, `LogError` and `TableError`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

CANNOT_TELL = 2
"""Exit code of a run that came to no verdict, and of a program that could not start."""


class CannotTell(Exception):
    """Base of all reasons of this package."""


class PeriodInvalid(CannotTell):
    """No window of time was named, or two."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"no window of time: {problem}. Give --since 24h, or --from with an earlier time than --to.")


class TwoSources(CannotTell):
    """Rows from a file and from the log were asked for."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} is judged whole, whatever the time. Leave out --live, or --since, --from and --to.")


class ColumnsMissing(CannotTell):
    """A file lacks columns of the contract."""

    def __init__(self, *, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, columns
        super().__init__(f"{path}: no column {', '.join(columns)}. Name the columns as models/features.py does.")


class TooFewRows(CannotTell):
    """There are not enough live rows to see anything."""

    def __init__(self, *, source: str, rows: int, min_rows: int) -> None:
        self.source, self.rows, self.min_rows = source, rows, min_rows
        super().__init__(
            f"{source}: {rows} rows, at least {min_rows} are needed. "
            "Wait for more, look further back, or lower --min-rows."
        )


class NothingToJudge(CannotTell):
    """No column can be compared."""

    def __init__(self, *, reasons: Mapping[str, str]) -> None:
        self.reasons = reasons
        listed = "; ".join(f"{column}: {reason}" for column, reason in reasons.items())
        super().__init__(f"no column can be judged: {listed}. Check where the live rows come from.")


class OutputUnwritable(CannotTell):
    """What was found cannot be kept."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name a folder that this process may write to with --output-dir.")


class RunUnknown(CannotTell):
    """No run has the name that was given."""

    def __init__(self, *, run: str, folder: Path, newest: str | None) -> None:
        self.run, self.folder, self.newest = run, folder, newest
        remedy = f"Name one as its record, such as {newest}, by its id on the dashboard, or latest."
        if newest is None:
            remedy = "Run `python -m monitoring drift` first, or name the folder of its reports/ with --output-dir."
        super().__init__(f"{folder}: no record of a run {run}. {remedy}")


class OutcomesUnreadable(CannotTell):
    """A file of outcomes cannot be used."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. Give a .csv or .parquet file with the columns prediction_id, churned and observed_at."
        )


class RejectedUnwritable(CannotTell):
    """Rows that are rejected cannot be kept."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Move the file of outcomes to a folder that this process may write to.")


class NothingRecorded(CannotTell):
    """No row of a file of outcomes could be recorded."""

    def __init__(self, *, path: Path, rows: int, rejected: Path) -> None:
        self.path, self.rows, self.rejected = path, rows, rejected
        super().__init__(
            f"{path}: none of {rows:,} rows could be recorded; {rejected} has the reasons. Correct them, or name the "
            "log that holds these predictions with --log-url."
        )
