"""Errors of the prediction log, and of recording outcomes in it.

LogError
├── LogUnsupported            the URL is neither SQLite nor PostgreSQL
├── LogMissing                the SQLite file of the log does not exist
├── LogUnreadable             the database does not answer, or lacks the log's tables
├── LogTooNew                 a newer version of this project has changed the log
├── LogBusy                   another process has been changing the tables for long
├── LogNotPartitioned         the tables are not partitioned by week, or lack the partitions of a week
└── OutcomesRefused           outcomes or treatments cannot be recorded
    ├── OutcomesUnknown       the log has no such predictions
    ├── OutcomesContradicted  the same reporter has given different outcomes
    └── TreatmentsContradicted  a different offer is known
"""

from collections.abc import Sequence
from pathlib import Path

from models.addresses import redact_passwords
from models.errors import ModelsError

LISTED_IDS = 100


class LogError(ModelsError):
    """Base of all errors of the prediction log."""


class LogUnsupported(LogError):
    """The prediction log's URL is neither SQLite nor PostgreSQL."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: the prediction log needs a SQLite or PostgreSQL URL. Use sqlite:///var/predictions.db "
            "or postgresql://user:password@host/database."
        )


class LogMissing(LogError):
    """The SQLite file of the prediction log does not exist."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path}: no such prediction log. Start the service, or create it with `python -m monitoring migrate`."
        )


class LogUnreadable(LogError):
    """The prediction log's database does not answer, or lacks the log's tables."""

    def __init__(self, *, url: str, problem: str) -> None:
        self.url, self.problem = redact_passwords(url), redact_passwords(problem)
        super().__init__(
            f"{self.url}: {self.problem}. Start the database, correct --log-url, or upgrade the log's tables with "
            "`python -m monitoring migrate`."
        )


class LogTooNew(LogError):
    """A newer version of this project has changed the prediction log."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: a newer version of this project has changed this prediction log. "
            "Start that version, or name another log."
        )


class LogBusy(LogError):
    """Another process has been changing the prediction log's tables for long."""

    def __init__(self, *, url: str, seconds: int) -> None:
        self.url, self.seconds = redact_passwords(url), seconds
        super().__init__(
            f"{self.url}: another process has been changing the tables of this prediction log for {seconds} seconds. "
            "Try again later, or look in pg_locks for who holds the advisory lock."
        )


class LogNotPartitioned(LogError):
    """The log's tables are not partitioned by week, or lack the partitions of a week; rows are stored all the same."""

    def __init__(self, *, problem: str, remedy: str) -> None:
        self.problem = problem
        super().__init__(
            f"The prediction log's tables cannot be partitioned by week: {problem}. Rows are stored all the same. "
            f"{remedy}."
        )


class OutcomesRefused(LogError):
    """Base of errors that reject outcomes or treatments; none of those in the request is recorded."""

    reason: str
    """Why one of them is rejected, in a few words."""
    remedy: str

    def __init__(self, *, ids: Sequence[str]) -> None:
        """Describe the predictions with these `ids`."""
        self.ids = ids
        more = f" and {len(ids) - LISTED_IDS} more" if len(ids) > LISTED_IDS else ""
        super().__init__(f"{', '.join(ids[:LISTED_IDS])}{more}: {self.reason}. Nothing was recorded. {self.remedy}")


class OutcomesUnknown(OutcomesRefused):
    """The log has no such predictions."""

    reason = "no such prediction"
    remedy = "Send prediction ids that the service returned; old predictions are deleted from the log."


class OutcomesContradicted(OutcomesRefused):
    """The same reporter has given different outcomes, in the log or in the same request."""

    reason = "another outcome is known from the same reporter"
    remedy = (
        "The reporter's first outcome is kept. Correct the source, or delete the wrong row from the table `outcomes`."
    )


class TreatmentsContradicted(OutcomesRefused):
    """Different offers were reported for the same prediction, in the log or in the same request."""

    reason = "another offer is known"
    remedy = "The first report is kept. Correct the source, or delete the wrong row from the table `treatments`."
