"""The record of a run without a verdict says what the run looked at."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Judge = Callable[..., Any]


def test_a_blind_run_records_its_period_and_its_log_without_a_password(judge: Judge) -> None:
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    run = judge(log_url="postgresql://ann:s3cret@127.0.0.1:1/churn", from_time=begin, to_time=end)
    assert run.code == 2
    assert (run.record["from"], run.record["to"]) == (begin.isoformat(), end.isoformat())
    assert run.record["log_url"] == "postgresql://ann:***@127.0.0.1:1/churn"
    assert "s3cret" not in str(run.record)


def test_a_run_without_a_valid_period_records_none(judge: Judge) -> None:
    run = judge(since="1h", from_time=datetime(2026, 3, 1, tzinfo=UTC))
    assert (run.code, "from" in run.record) == (2, False)
