"""Why the prediction log cannot be used, or refuses outcomes.

LogError
├── LogUnsupported            the address is neither SQLite's nor PostgreSQL's
├── LogMissing                there is no prediction log yet
├── LogUnreadable             the log does not answer, or lacks our tables
├── LogTooNew                 a newer version of this project has changed the log
└── OutcomesRefused           outcomes cannot be recorded
    ├── OutcomesUnknown       there are no such predictions
    └── OutcomesContradicted  the predictions have other outcomes
"""

from collections.abc import Sequence
from pathlib import Path

from models.addresses import shown
from models.errors import ModelsError

LISTED_IDS = 100


class LogError(ModelsError):
    """Base of all errors of the prediction log."""


class LogUnsupported(LogError):
    """The prediction log's address is neither SQLite's nor PostgreSQL's."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url}: no prediction log can be there. Name one as sqlite:///var/predictions.db "
            "or postgresql://user:password@host/database."
        )


class LogMissing(LogError):
    """There is no prediction log yet."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path}: no such prediction log. Start the service, or create it with `python -m monitoring migrate`."
        )


class LogUnreadable(LogError):
    """The prediction log does not answer, or lacks our tables."""

    def __init__(self, *, url: str, problem: str) -> None:
        self.url, self.problem = shown(url), shown(problem)
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


class OutcomesRefused(LogError):
    """Base of all reasons not to record outcomes; none of those sent together was."""

    reason: str
    """In a few words, for one outcome."""
    remedy: str

    def __init__(self, *, ids: Sequence[str]) -> None:
        """Tell of the predictions with these `ids`."""
        self.ids = ids
        more = f" and {len(ids) - LISTED_IDS} more" if len(ids) > LISTED_IDS else ""
        super().__init__(f"{', '.join(ids[:LISTED_IDS])}{more}: {self.reason}. Nothing was recorded. {self.remedy}")


class OutcomesUnknown(OutcomesRefused):
    """There are no such predictions."""

    reason = "no such prediction"
    remedy = "Send the ids that predictions were answered with; the log keeps old ones for so long only."


class OutcomesContradicted(OutcomesRefused):
    """The predictions have other outcomes, in the log or among those sent."""

    reason = "another outcome is known"
    remedy = "What was recorded first stays; correct the source, or delete the wrong row of the table `outcomes`."
