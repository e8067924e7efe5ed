"""All looks of a year together keep the promised number of false alarms, and the records remember the last look."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring.runs import looks, run_store
from monitoring.runs.run_store import Job
from monitoring.settings import DriftSettings, PerformanceSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMPARED: Mapping[Job, Mapping[str, Any]] = {
    "drift": {"columns": [{"name": "a", "distance": 0.0, "limit": 0.1, "ratio": 0.0}], "live": None},
    "performance": {"checks": [{"metric": "roc_auc", "worse_by": 0.0, "limit": 0.1, "broken": False}]},
}
HOURS_PER_YEAR = 365 * 24


def look_again(output_dir: Path, *, every: timedelta, times: int, job: Job = "drift") -> list[float]:
    """Return the rates of so many looks, each with its record."""
    kind = {"drift": DriftSettings, "performance": PerformanceSettings}[job]
    rates = []
    for number in range(times):
        at = NOW + number * every
        rates.append(looks.find(job, kind(output_dir=output_dir), at).false_alarm_rate)
        run_store.write(COMPARED[job], output_dir, job, at)
    return rates


def drift_rate(output_dir: Path, **settings: Any) -> float:
    return looks.find("drift", DriftSettings(output_dir=output_dir, **settings), NOW).false_alarm_rate


def test_hourly_looks_of_a_day_spend_a_day_of_the_promised_number(tmp_path: Path) -> None:
    rates = look_again(tmp_path, every=timedelta(hours=1), times=25)

    assert sum(rates[1:]) == pytest.approx(0.5 / 365)
    assert rates[1:] == pytest.approx([0.5 / HOURS_PER_YEAR] * 24)


def test_the_first_look_spends_its_window(tmp_path: Path) -> None:
    assert drift_rate(tmp_path) == pytest.approx(0.5 / 365)
    assert drift_rate(tmp_path, since="1h") == pytest.approx(0.5 / HOURS_PER_YEAR)


def test_daily_looks_at_outcomes_spend_theirs(tmp_path: Path) -> None:
    first, second = look_again(tmp_path, every=timedelta(days=1), times=2, job="performance")

    assert (first, second) == pytest.approx((0.01, 0.5 / 365))


def test_a_look_after_a_long_pause_is_no_more_often_wrong_than_a_single_check(tmp_path: Path) -> None:
    look_again(tmp_path, every=timedelta(hours=1), times=1)
    later = looks.find("drift", DriftSettings(output_dir=tmp_path), NOW + timedelta(days=300))

    assert later.false_alarm_rate == 0.01


@pytest.mark.parametrize(
    "chosen", [{"live": "customers.csv"}, {"from_time": "2026-02-01"}, {"to_time": "2026-02-01"}], ids=str
)
def test_a_check_that_a_person_chose_has_the_rate_of_a_single_one(tmp_path: Path, chosen: dict[str, Any]) -> None:
    look_again(tmp_path, every=timedelta(hours=1), times=1)

    assert drift_rate(tmp_path, **chosen) == 0.01


@pytest.mark.parametrize(
    "other",
    [{"live": "customers.csv"}, {"chosen_window": True}, {"columns": []}],
    ids=["a file", "a chosen window", "no columns"],
)
def test_runs_that_were_no_look_spend_nothing(tmp_path: Path, other: dict[str, Any]) -> None:
    run_store.write(COMPARED["drift"], tmp_path, "drift", NOW - timedelta(hours=12))
    run_store.write({**COMPARED["drift"], **other}, tmp_path, "drift", NOW - timedelta(hours=1))
    run_store.write(COMPARED["performance"], tmp_path, "performance", NOW - timedelta(hours=2))

    assert drift_rate(tmp_path) == pytest.approx(12 * 0.5 / HOURS_PER_YEAR)


def test_a_record_that_cannot_be_read_may_have_been_a_look(tmp_path: Path) -> None:
    run_store.write(COMPARED["drift"], tmp_path, "drift", NOW - timedelta(hours=12))
    run_store.path(tmp_path, "drift", NOW - timedelta(hours=3)).write_text("{")

    assert drift_rate(tmp_path) == pytest.approx(3 * 0.5 / HOURS_PER_YEAR)


def test_a_look_says_what_it_spends(tmp_path: Path) -> None:
    look_again(tmp_path, every=timedelta(hours=1), times=1)
    found = looks.find("drift", DriftSettings(output_dir=tmp_path, false_alarms_per_year=2), NOW + timedelta(hours=1))

    assert found.remark == (
        "limits of repeated looks: at most 2 false alarms in a year of calm; the look before was 1:00:00 ago, and its "
        "share is 0.00023"
    )
    assert found.facts == {"false_alarm_rate": pytest.approx(2 / HOURS_PER_YEAR)}


def test_a_first_look_says_that_the_folder_must_last(tmp_path: Path) -> None:
    assert looks.find("drift", DriftSettings(output_dir=tmp_path), NOW).remark.endswith(
        "; this is the first look that the output folder remembers (keep the folder, or each look is a first one), and "
        "its share is 0.0014"
    )
