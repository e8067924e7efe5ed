"""The options give a window of time, or an error with the remedy."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_settings import CliApp

from monitoring import period
from monitoring.errors import PeriodInvalid
from monitoring.settings import DriftSettings

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def choose(*flags: str) -> period.Period:
    return CliApp.run(DriftSettings, cli_args=list(flags)).period(NOW)


@pytest.mark.parametrize(
    ("flags", "start", "end"),
    [
        ([], NOW - 24 * HOUR, NOW),
        (["--since", "90m"], NOW - 1.5 * HOUR, NOW),
        (["--since", "7d"], NOW - 168 * HOUR, NOW),
        (["--from", "2026-03-10T08:00"], NOW - 4 * HOUR, NOW),
        (["--from", "2026-03-10T08:00+02:00"], NOW - 6 * HOUR, NOW),
        (["--to", "2026-03-10"], NOW - 36 * HOUR, NOW - 12 * HOUR),
        (["--since", "1h", "--to", "2026-03-10"], NOW - 13 * HOUR, NOW - 12 * HOUR),
        (["--from", "2026-03-08", "--to", "2026-03-09"], NOW - 60 * HOUR, NOW - 36 * HOUR),
        (["--from", "20260308", "--to", "2026-03-09 00:00 UTC"], NOW - 60 * HOUR, NOW - 36 * HOUR),
    ],
)
def test_a_window_ends_now_and_takes_a_day_unless_told_otherwise(
    flags: list[str], start: datetime, end: datetime
) -> None:
    assert choose(*flags) == period.Period(start, end)


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--from", "2026-03-10T12:00"], "it would begin at 2026-03-10T12:00:00"),
        (["--from", "2026-03-09", "--to", "2026-03-08"], "and end at 2026-03-08T00:00:00"),
        (["--from", "2026-03-09", "--since", "2h"], "--since and --from both give its beginning"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_the_remedy(flags: list[str], problem: str) -> None:
    with pytest.raises(PeriodInvalid, match=f"{problem}.*Give --since 24h, or --from"):
        choose(*flags)


@pytest.mark.parametrize("text", ["", "24", "h", "0h", "-1h", "1.5h", "24 h", "1w", "99999d", "٣h"])
def test_a_length_is_a_whole_number_and_a_unit(text: str) -> None:
    with pytest.raises(ValueError, match="since"):
        DriftSettings(since=text)


def test_the_ids_of_a_window_begin_with_its_times() -> None:
    first, after = period.Period(NOW - HOUR, NOW).ids
    milliseconds: Any = [int(bound[:12], 16) for bound in (first, after)]
    assert [datetime.fromtimestamp(time / 1000, UTC) for time in milliseconds] == [NOW - HOUR, NOW]
