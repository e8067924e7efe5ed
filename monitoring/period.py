"""A stretch of time to look at: the last hours or days, or from one time to another."""

from dataclasses import dataclass
from datetime import UTC, datetime

from models import durations
from models.log import row_ids
from monitoring.errors import PeriodInvalid


@dataclass(frozen=True)
class Period:
    """From a time on, and before another; both know their zone."""

    start: datetime
    end: datetime

    @property
    def ids(self) -> tuple[str, str]:
        """The least id of its rows in the log, and the least of those after it."""
        return row_ids.first_id(self.start), row_ids.first_id(self.end)

    def __str__(self) -> str:
        start, end = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M}" for time in (self.start, self.end))
        return f"{start} to {end} UTC"


def choose(
    *, since: str | None, from_time: datetime | None, to_time: datetime | None, now: datetime, usual: str
) -> Period:
    """Make a period of what was asked for: without an end it ends now, without a beginning it has its usual length.

    Raises:
        PeriodInvalid: it would begin twice, or not before its end.
    """
    if since and from_time:
        raise PeriodInvalid(problem="--since and --from both say where it begins")
    end = to_time or now
    start = from_time or end - durations.parse(since or usual)
    if start >= end:
        raise PeriodInvalid(problem=f"it would begin at {start.isoformat()} and end at {end.isoformat()}")
    return Period(start, end)
