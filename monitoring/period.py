"""The window of time of a job: the last hours or days, or from one time to another."""

from dataclasses import dataclass
from datetime import UTC, datetime

from models import durations
from models.log import row_ids
from monitoring.errors import PeriodInvalid


@dataclass(frozen=True)
class Period:
    """From `start` (included) to `end` (excluded); both have a time zone."""

    start: datetime
    end: datetime

    @property
    def ids(self) -> tuple[str, str]:
        """The smallest possible id of a row in the period, and the smallest one after it."""
        return row_ids.first_id(self.start), row_ids.first_id(self.end)

    def __str__(self) -> str:
        start, end = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M}" for time in (self.start, self.end))
        return f"{start} to {end} UTC"


def choose(
    *, since: str | None, from_time: datetime | None, to_time: datetime | None, now: datetime, usual: str
) -> Period:
    """Return the period of the given options: without an end it ends now, without a beginning it has length `usual`.

    Raises:
        PeriodInvalid: both `since` and `from_time` are given, or the beginning is not before the end.
    """
    if since and from_time:
        raise PeriodInvalid(problem="--since and --from both give its beginning")
    end = to_time or now
    start = from_time or end - durations.parse(since or usual)
    if start >= end:
        raise PeriodInvalid(problem=f"it would begin at {start.isoformat()} and end at {end.isoformat()}")
    return Period(start, end)
