"""Weeks in UTC from Monday to Sunday, and the ids of their rows; a partition of the log has the rows of one week.

Fewer, larger partitions would keep old rows longer than asked. With one a day, a year has 365 partitions of each table,
and a statement that reads all of them locks 730 tables and indexes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.log import row_ids

LENGTH = timedelta(days=7)
_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Week:
    """A week of the log."""

    start: datetime

    @classmethod
    def of(cls, at: datetime) -> "Week":
        """Return the week of a time.

        >>> Week.of(datetime(2026, 3, 8, 23, 59, tzinfo=UTC)).name
        '2026_03_02'
        """
        return cls(_FIRST_MONDAY + (at - _FIRST_MONDAY) // LENGTH * LENGTH)

    @classmethod
    def of_id(cls, identity: str) -> "Week":
        """Return the week of a row."""
        return cls.of(_EPOCH + timedelta(milliseconds=row_ids.milliseconds(identity)))

    @property
    def end(self) -> datetime:
        """The start of the week after it."""
        return self.start + LENGTH

    @property
    def ids(self) -> tuple[str, str]:
        """The lower bounds of the ids of this week, and of the week after it."""
        return row_ids.first_id(self.start), row_ids.first_id(self.end)

    @property
    def name(self) -> str:
        """The day it begins, as in the names of its tables."""
        return f"{self.start:%Y_%m_%d}"

    def later(self, weeks: int) -> "Week":
        """Return the week that begins so many weeks later."""
        return Week(self.start + weeks * LENGTH)
