"""The record of a run says what the run looked at."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

Judge = Callable[..., Any]


def test_a_blind_run_records_its_period_and_its_log_without_a_password(judge: Judge) -> None:
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    run = judge(log_url="postgresql://ann:s3cret@127.0.0.1:1/churn", from_time=begin, to_time=end)
    assert run.code == 2
    assert (run.record["from"], run.record["to"]) == (begin.isoformat(), end.isoformat())
    assert run.record["log_url"] == "postgresql://ann:***@127.0.0.1:1/churn"
    assert run.record["log_problem"] == run.record["reason"]
    assert "s3cret" not in str(run.record)


def test_a_run_without_a_valid_period_records_none(judge: Judge) -> None:
    run = judge(since="1h", from_time=datetime(2026, 3, 1, tzinfo=UTC))
    assert (run.code, "from" in run.record) == (2, False)


@pytest.mark.parametrize(
    ("settings", "is_chosen"),
    [
        ({}, False),
        ({"since": "48h"}, False),
        ({"from_time": timedelta(hours=48)}, True),
        ({"to_time": timedelta()}, True),
    ],
    ids=["none", "since", "from", "to"],
)
def test_a_record_says_whether_a_person_chose_the_window(
    settings: dict[str, Any], judge: Judge, keep: Callable[..., None], customers: Callable[..., Any], *, is_chosen: bool
) -> None:
    drifted: pd.DataFrame = customers(500, 2).assign(contract_type=0)
    keep(drifted)
    now = datetime.now(UTC)
    times = {name: now - ago if isinstance(ago, timedelta) else ago for name, ago in settings.items()}
    run = judge(**times)
    assert (run.code, run.record["chosen_window"]) == (1, is_chosen)


def test_the_record_of_a_file_has_no_window(judge: Judge, customers: Callable[..., Any]) -> None:
    record = judge(customers(500, 2).assign(contract_type=0)).record
    assert [name for name in ("chosen_window", "log", "log_problem") if name in record] == []
