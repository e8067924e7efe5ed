"""The gauges of the last runs, as Prometheus scrapes them."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitoring import telemetry
from monitoring.notices import outbox
from monitoring.notices.notice import Notice
from monitoring.notices.outbox import Outbox, Waiting
from monitoring.runs import run_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRIFT = {
    "exit_code": 1,
    "window_rows": 5_000,
    "drift_share": 0.45,
    "refused_share": 0.02,
    "columns": [
        {"name": "monthly_charges", "distance": 0.24, "limit": 0.08, "ratio": 3.0},
        {"name": "tenure_months", "distance": 0.02, "limit": 0.08, "ratio": 0.25},
        {"name": "churn_probability", "distance": 0.1, "limit": 0.05, "ratio": 2.0},
    ],
    "joint": {"ratio": 1.5},
}
PERFORMANCE = {
    "exit_code": 0,
    "window_rows": 4_000,
    "outcomes_rows": 900,
    "live": {
        "roc_auc": {"value": 0.84, "low": 0.82, "high": 0.86},
        "brier": {"value": 0.12, "low": 0.11, "high": 0.13},
        "calibration_error": {"value": 0.01, "low": 0.0, "high": 0.02},
        "calibration_slope": {"value": 0.97, "low": 0.9, "high": 1.04},
        "calibration_intercept": {"value": -0.02, "low": -0.1, "high": 0.06},
    },
    "estimated": {"roc_auc": {"value": 0.85}},
    "reference": {"roc_auc": {"value": 0.848}},
}
OFFERS: list[dict[str, Any]] = [
    {
        "tier": "medium",
        "free": {"rows": 200, "churned": 90, "offers": 150},
        "held_out": {"rows": 20, "churned": 9, "offers": 0},
        "reduced_churn_by": None,
        "success_rate": None,
        "saved": None,
        "assumed_success_rate": 0.1,
        "verdict": "cannot tell",
        "currency": "EUR",
    },
    {
        "tier": "high",
        "free": {"rows": 4_000, "churned": 1_600, "offers": 4_000},
        "held_out": {"rows": 400, "churned": 200, "offers": 0},
        "reduced_churn_by": {"value": 0.1, "low": 0.05, "high": 0.15},
        "success_rate": {"value": 0.2, "low": 0.11, "high": 0.28},
        "saved": {"value": -35.0, "low": -60.0, "high": -10.0},
        "assumed_success_rate": 0.3,
        "verdict": "worse than assumed",
        "currency": "EUR",
    },
]
"""What a record says of offers: too few outcomes at medium risk, and an offer that does not pay off at high risk."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with telemetry.serving(tmp_path, host="127.0.0.1", port=0, periods_seconds={"drift": 3600}) as port:
        yield port


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """Values by name and label values."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_the_newest_record_of_each_job_is_told(port: int, tmp_path: Path) -> None:
    run_store.write(DRIFT | {"exit_code": 0, "drift_share": 0.0}, tmp_path, "drift", NOON - timedelta(hours=1))
    run_store.write(PERFORMANCE, tmp_path, "performance", NOON)
    run_store.write(DRIFT, tmp_path, "drift", NOON)
    told = scrape(port)

    ended = [told.pop(("churn_monitor_last_run_timestamp_seconds", job)) for job in ("drift", "performance")]
    assert ended == pytest.approx([datetime.now(UTC).timestamp()] * 2, abs=60)
    assert told == pytest.approx(
        {
            ("churn_monitor_period_seconds", "drift"): 3600,
            ("churn_monitor_exit_code", "drift"): 1,
            ("churn_monitor_exit_code", "performance"): 0,
            ("churn_monitor_first_run_timestamp_seconds", "drift"): NOON.timestamp() - 3600,
            ("churn_monitor_first_run_timestamp_seconds", "performance"): NOON.timestamp(),
            ("churn_monitor_window_rows", "drift"): 5_000,
            ("churn_monitor_window_rows", "performance"): 4_000,
            ("churn_drift_share",): 0.45,
            ("churn_live_refused_share",): 0.02,
            ("churn_drift_column_ratio", "monthly_charges"): 3,
            ("churn_drift_column_ratio", "tenure_months"): 0.25,
            ("churn_drift_prediction_ratio",): 2,
            ("churn_drift_joint_ratio",): 1.5,
            ("churn_live_roc_auc",): 0.84,
            ("churn_live_roc_auc_low",): 0.82,
            ("churn_live_brier",): 0.12,
            ("churn_live_calibration_error",): 0.01,
            ("churn_live_calibration_slope",): 0.97,
            ("churn_live_calibration_intercept",): -0.02,
            ("churn_live_outcomes_rows",): 900,
            ("churn_estimated_roc_auc",): 0.85,
            ("churn_reference_roc_auc",): 0.848,
            ("churn_undecided_runs", "drift"): 1,
            ("churn_undecided_runs", "performance"): 0,
        }
    )


def test_before_the_first_run_only_the_period_is_told(port: int) -> None:
    assert scrape(port) == {("churn_monitor_period_seconds", "drift"): 3600}


def test_the_model_that_the_jobs_judge_is_told_as_soon_as_it_is_pinned(tmp_path: Path) -> None:
    pin, name = {"version": "20260301-aaaa", "digest": "a" * 64}, "churn_monitor_model_info"
    with telemetry.serving(tmp_path, host="127.0.0.1", port=0, periods_seconds={}, models_dir=tmp_path) as port:
        assert [key for key in scrape(port) if key[0] == name] == []  # no model is pinned yet
        for version in ("20260301-aaaa", "20260302-bbbb"):
            (tmp_path / "pinned.json").write_text(json.dumps(pin | {"version": version}))
            assert {key: value for key, value in scrape(port).items() if key[0] == name} == {(name, version): 1}


def test_a_run_that_cannot_tell_leaves_nothing_of_the_one_before(port: int, tmp_path: Path) -> None:
    blind: dict[str, Any] = {"exit_code": 2, "reason": "3 rows", "live": None}
    for job in ("drift", "performance"):
        run_store.write(DRIFT | PERFORMANCE, tmp_path, job, NOON - timedelta(hours=1))
        run_store.write(blind, tmp_path, job, NOON)
    told = scrape(port)

    assert (told["churn_monitor_exit_code", "drift"], told["churn_monitor_exit_code", "performance"]) == (2, 2)
    assert {name for name, *_ in told} == {
        "churn_monitor_period_seconds",
        "churn_monitor_exit_code",
        "churn_monitor_first_run_timestamp_seconds",
        "churn_monitor_last_run_timestamp_seconds",
        "churn_undecided_runs",
    }


@pytest.mark.parametrize(
    "later", [{"live": "new.csv"}, {"log_problem": "no answer"}, {}], ids=["file", "failed", "old"]
)
def test_what_was_seen_of_the_log_stays_until_a_run_looks_at_it_again(
    later: dict[str, str], port: int, tmp_path: Path
) -> None:
    def told() -> list[float | None]:
        gauges = scrape(port)
        return [gauges.get((f"churn_log_{name}",)) for name in ("partition_weeks", "default_rows")]

    run_store.write(DRIFT | {"log": {"partition_weeks": 2, "default_rows": 7}}, tmp_path, "drift", NOON)
    run_store.write(DRIFT | later, tmp_path, "drift", NOON + timedelta(hours=1))
    assert told() == [2, 7]
    run_store.write(
        DRIFT | {"log": {"partition_weeks": 5, "default_rows": 0}}, tmp_path, "drift", NOON + timedelta(hours=2)
    )
    assert told() == [5, 0]
    run_store.write(DRIFT | {"log": None}, tmp_path, "drift", NOON + timedelta(hours=3))  # another log, in SQLite
    assert told() == [None, None]


def test_a_decision_moves_a_run_from_undecided_to_decided(port: int, tmp_path: Path) -> None:
    first = run_store.write(DRIFT, tmp_path, "drift", NOON - timedelta(hours=1))
    run_store.write(DRIFT, tmp_path, "drift", NOON)
    assert scrape(port)["churn_undecided_runs", "drift"] == 2
    for decision in ("ignore", "retrain"):
        review = {"decision": decision, "by": "Ana", "why": "planned", "at": NOON.isoformat()}
        run_store.append(first, "reviews", review)
        told = {name: value for name, value in scrape(port).items() if "decided" in name[0]}
        assert told == {("churn_undecided_runs", "drift"): 1, ("churn_decided_runs", decision, "drift"): 1}


def test_notices_that_wait_or_were_given_up_are_told(port: int, tmp_path: Path) -> None:
    since = datetime.now(UTC) - timedelta(minutes=20)
    outbox.path(tmp_path).parent.mkdir()
    notice = Notice(
        type="webhook.test",
        status="info",
        subject="webhook",
        timestamp=since,
        since=since,
        headline="",
        summary="",
        remedy="",
    )
    outbox.write(Outbox(waiting=[Waiting(id="msg_1", notice=notice)], lost_notices_total=3), tmp_path)
    told = scrape(port)
    assert told["churn_notices_lost_total",] == 3
    assert told["churn_notices_behind_seconds",] == pytest.approx(1200, abs=60)
    outbox.write(Outbox(lost_notices_total=3), tmp_path)
    assert scrape(port)["churn_notices_behind_seconds",] == 0


def test_a_damaged_record_takes_no_other_figure_away(port: int, tmp_path: Path) -> None:
    run_store.write(DRIFT, tmp_path, "drift", NOON)
    run_store.write(DRIFT, tmp_path, "drift", NOON - timedelta(hours=1)).write_text("{")
    told = scrape(port)
    assert (told["churn_drift_share",], told["churn_damaged_runs",]) == (0.45, 1)


def test_a_newest_record_that_cannot_be_read_is_no_silence(port: int, tmp_path: Path) -> None:
    run_store.write(DRIFT | {"exit_code": 0}, tmp_path, "drift", NOON - timedelta(hours=1))
    run_store.write(DRIFT, tmp_path, "drift", NOON).write_text("{")
    told = scrape(port)
    assert (told["churn_monitor_exit_code", "drift"], told["churn_damaged_runs",]) == (2, 1)
    assert ("churn_drift_share",) not in told


def test_what_offers_did_is_told_by_tier_where_some_were_reported(port: int, tmp_path: Path) -> None:
    def told() -> dict[tuple[str, ...], float]:
        return {name: value for name, value in scrape(port).items() if name[0].startswith("churn_offer")}

    silent = [one | {"free": {"rows": 4_000, "churned": 1_600, "offers": 0}} for one in OFFERS]
    run_store.write(PERFORMANCE | {"offers": silent}, tmp_path, "performance", NOON - timedelta(hours=1))
    assert told() == {}
    run_store.write(PERFORMANCE | {"offers": OFFERS}, tmp_path, "performance", NOON)
    assert told() == {
        ("churn_offer_reduced_churn_by", "high"): 0.1,
        ("churn_offer_reduced_churn_by_low", "high"): 0.05,
        ("churn_offer_reduced_churn_by_high", "high"): 0.15,
        ("churn_offer_saved", "EUR", "high"): -35.0,
        ("churn_offer_saved_low", "EUR", "high"): -60.0,
        ("churn_offer_saved_high", "EUR", "high"): -10.0,
        ("churn_offer_success_rate", "high"): 0.2,
        ("churn_offer_success_rate_low", "high"): 0.11,
        ("churn_offer_success_rate_high", "high"): 0.28,
        ("churn_offer_assumed_success_rate", "medium"): 0.1,
        ("churn_offer_assumed_success_rate", "high"): 0.3,
    }
