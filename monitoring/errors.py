"""The errors of the monitoring commands. Each has its facts as attributes and ends its message with the remedy.

CannotTell
├── PeriodInvalid       the options for the window contradict each other
├── ConflictingSources  the options name both a table and a window of the log
├── TooFewRows          there are not enough live rows
├── NothingToCompare    no column can be compared
├── OutputUnwritable    the result cannot be saved
├── ReviewUnsaved       a decision cannot be recorded
├── DecidedMeanwhile    another decision about the run was recorded meanwhile
├── RunUnreadable       the record of a run cannot be read
├── RunUnknown          no run has the given name
├── NothingToDecide     no run needs a decision
├── ReportsUnreadable   a file of outcomes or treatments cannot be used
├── RejectedUnwritable  the rejected rows of that file cannot be saved
├── NothingRecorded     none of its rows could be recorded
├── KeysUnusable        the file of API keys cannot be read
├── ArchiveUnusable     a file of exported predictions cannot be written, or has other rows
├── LogChanged          the log changed while it was exported
├── WebhookUnset        notices have no receiver
└── WebhookUnusable     settings of the webhook are not valid

`monitoring.notices.errors` has more. Commands also fail with errors of `models`: `BundleError`, `LogError`,
`TableError` and `ColumnsError`.
"""

from collections.abc import Mapping
from pathlib import Path

from models.customer.files.stores import Table

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
    """The options name both a table and a window of the log."""

    def __init__(self, *, path: Table) -> None:
        self.path = path
        super().__init__(
            f"{path}: the rows of --live have no window of time. Leave out --live, or --since, --from and --to."
        )


class TooFewRows(CannotTell):
    """There are not enough live rows."""

    def __init__(self, *, source: str, rows: int, min_rows: int, refusals: str = "") -> None:
        self.source, self.rows, self.min_rows, self.refusals = source, rows, min_rows, refusals
        super().__init__(
            f"{source}: {rows} rows, at least {min_rows} are needed{refusals and f' ({refusals})'}. "
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


class ReviewUnsaved(CannotTell):
    """A decision cannot be recorded."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. Make this record and its folder readable and writable, with space on the disk, and "
            "record the decision again."
        )


class DecidedMeanwhile(CannotTell):
    """Another decision about the run was recorded meanwhile."""

    def __init__(self, *, run: str) -> None:
        self.run = run
        super().__init__(
            f"{run}: somebody decided about this run meanwhile. Read that decision, and record yours if it is still "
            "needed."
        )


class RunUnreadable(CannotTell):
    """The record of a run cannot be read."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Restore this record from a backup, or remove it.")


class RunUnknown(CannotTell):
    """No run has the given name."""

    def __init__(self, *, run: str, folder: Path, newest: str | None) -> None:
        self.run, self.folder, self.newest = run, folder, newest
        remedy = f"Give the name of its record, such as {newest}, its id on the dashboard, or latest."
        if newest is None:
            remedy = "Run `python -m monitoring drift` first, or give the folder of its reports/ with --output-dir."
        super().__init__(f"{folder}: no record of a run {run}. {remedy}")


class NothingToDecide(CannotTell):
    """No run needs a decision."""

    def __init__(self, *, folder: Path, newest: str) -> None:
        self.folder, self.newest = folder, newest
        super().__init__(f"{folder}: no run needs a decision. To decide about one anyway, name it, such as {newest}.")


class ReportsUnreadable(CannotTell):
    """A file of outcomes or treatments cannot be used."""

    def __init__(
        self, *, path: Table, problem: str, remedy: str = "Give a file with one row for each outcome or treatment."
    ) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. {remedy}")


class RejectedUnwritable(CannotTell):
    """The rejected rows of that file cannot be saved."""

    def __init__(self, *, path: Table, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Move the file to a folder that this process may write to.")


class NothingRecorded(CannotTell):
    """No row of a file of outcomes or treatments could be recorded."""

    def __init__(self, *, path: Table, rows: int, rejected: Table) -> None:
        self.path, self.rows, self.rejected = path, rows, rejected
        super().__init__(
            f"{path}: none of {rows:,} rows could be recorded; {rejected} has the reasons. Correct the rows, or give "
            "the log that has these predictions with --log-url."
        )


class ArchiveUnusable(CannotTell):
    """A file of exported predictions cannot be written, or has other rows than the log."""

    def __init__(self, *, path: Path, problem: str, remedy: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. {remedy}. Nothing was deleted from the log.")


class LogChanged(CannotTell):
    """The log changed while it was exported."""

    def __init__(self, *, week: str) -> None:
        self.week = week
        super().__init__(
            f"the log got a report or a prediction of the week from {week} on after that week was exported; "
            "what came then was not deleted. Run the command again."
        )


class KeysUnusable(CannotTell):
    """The file of API keys cannot be read."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path.name}: {problem}. Make a key with `python -m service keys add NAME --scopes review`, or name the "
            "right file with MONITORING_KEYS_FILE."
        )


class WebhookUnset(CannotTell):
    """Notices have no receiver."""

    def __init__(self) -> None:
        super().__init__("there is no webhook. Set MONITORING_WEBHOOK_URL, as https://hooks.slack.com/services/...")


class WebhookUnusable(CannotTell):
    """Settings of the webhook are not valid."""

    def __init__(self, *, problems: Mapping[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"MONITORING_{name.upper()}: {problem}" for name, problem in problems.items()))
