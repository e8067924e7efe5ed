"""The drift job reads the prediction log, and reports what is missing from it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from models.bundles import bundle, pins
from models.features import CONTRACT
from models.log import log_tables, row_ids
from monitoring.drift import baseline, drift_detection, live_rows
from monitoring.settings import DriftSettings

Judge = Callable[..., Any]
Draw = Callable[[int, int], pd.DataFrame]
Keep = Callable[..., None]


def further_remarks(record: dict[str, Any]) -> list[str]:
    """Return what a run says besides how the columns fit together, and how strict its limits are."""
    return [one for one in record["remarks"] if not one.startswith(("columns together: ", "limits of "))]


@pytest.fixture
def pinned(shelf: Path) -> str:
    return pins.read(shelf).version


def test_calm_customers_of_the_last_day_are_no_drift(judge: Judge, keep: Keep, customers: Draw, pinned: str) -> None:
    keep(customers(1_000, 2))
    keep(customers(1_000, 3).assign(contract_type=0), at=datetime.now(UTC) - timedelta(hours=25))
    outcome = judge()
    record = outcome.record
    assert (outcome.code, outcome.drifted, record["window_rows"], record["judged_rows"]) == (0, set(), 1_000, 1_000)
    assert (record["model_versions"], record["refused_share"], record["dropped_rows"]) == ({pinned: 1_000}, None, 0)
    assert datetime.fromisoformat(record["to"]) - datetime.fromisoformat(record["from"]) == timedelta(hours=24)
    assert further_remarks(record) == []


def test_a_customer_who_is_predicted_often_counts_once(judge: Judge, keep: Keep, customers: Draw, pinned: str) -> None:
    live = customers(1_000, 2)
    digests = [f"{number:032x}" for number in range(len(live))]
    shifted = live[live["monthly_charges"] > 100]
    keep(live, digests=digests, at=datetime.now(UTC) - timedelta(hours=20))
    for hour in range(10, 1, -1):
        keep(shifted, digests=[digests[at] for at in shifted.index], at=datetime.now(UTC) - timedelta(hours=hour))
    outcome = judge()
    record = outcome.record
    assert (outcome.code, outcome.drifted, record["window_rows"], record["judged_rows"]) == (0, set(), 1_000, 1_000)
    assert record["window_predictions"] == 1_000 + 9 * len(shifted)
    told = f"{record['window_predictions']:,} predictions of 1,000 customers; the newest of each counts"
    assert told in outcome.said
    assert told in record["remarks"]
    assert record["model_versions"] == {pinned: 1_000}


def test_without_digests_each_prediction_counts(judge: Judge, keep: Keep, customers: Draw) -> None:
    live = customers(1_000, 2)
    for hour in range(4, 1, -1):
        keep(live, at=datetime.now(UTC) - timedelta(hours=hour))
    assert judge().record["window_rows"] == 3_000


SAID = "of the rows without a customer_id equal an earlier one, and of different customers at most 0% do"


@pytest.mark.parametrize("has_ids", [True, False], ids=["with ids", "without ids"])
def test_calm_windows_of_repeated_customers_are_calm_with_ids_and_said_to_be_repeated_without(
    shelf: Path, keep: Keep, customers: Draw, log_url: str, *, has_ids: bool
) -> None:
    reference = baseline.load(bundle.load(shelf, contract=CONTRACT), CONTRACT, rows=3_000)
    now, drifted = datetime.now(UTC), 0
    for window in range(12):
        at = now - timedelta(days=window, hours=12)
        live = customers(250, 100 + window)
        digests = [f"{number:032x}" if has_ids else None for number in range(len(live))]
        keep(pd.concat([live] * 20), digests=digests * 20, at=at)
        period = {"from_time": at - timedelta(hours=1), "to_time": at + timedelta(hours=1)}
        settings = DriftSettings.model_validate({"log_url": log_url, "models_dir": shelf} | period)
        found = live_rows.read(settings, reference, now)
        drifted += drift_detection.detect(reference, found, settings)[1].exit_code
        assert (found.facts["window_predictions"], found.rows) == (5_000, 250 if has_ids else 5_000)
        assert any(SAID in remark for remark in found.remarks) == (not has_ids)
        assert found.facts["repeated_rows_share"] == (0 if has_ids else 0.95)
    assert drifted <= 1 if has_ids else drifted >= 6


def test_repeated_rows_are_said_in_terminal_record_and_report(judge: Judge, keep: Keep, customers: Draw) -> None:
    live = customers(500, 2)
    for hour in (3, 2):
        keep(live, at=datetime.now(UTC) - timedelta(hours=hour))
    outcome = judge()
    told = f"50% {SAID}: customers seem to be counted several times, and drift may be a false alarm; "
    [remark] = [remark for remark in outcome.record["remarks"] if remark.startswith(told)]
    assert remark.endswith("let clients send a customer_id")
    assert remark in outcome.said
    assert "let clients send a customer" in outcome.page.read_text()


def test_repeated_rows_of_a_file_are_said_too(judge: Judge, customers: Draw) -> None:
    live = pd.concat([customers(400, 2)] * 2, ignore_index=True)
    assert "50% of the rows equal an earlier one" in (outcome := judge(live)).said
    assert "keep one row of each customer\n" in outcome.said
    assert "equal an earlier one" not in judge(customers(800, 2)).said


def test_shifted_customers_are_drift_of_their_column_and_of_the_predictions(
    judge: Judge, keep: Keep, customers: Draw
) -> None:
    live = customers(1_000, 2)
    live["monthly_charges"] += 25
    keep(live)
    outcome = judge(since="2h")
    assert (outcome.code, outcome.drifted, outcome.predictions["drifted"]) == (1, {"monthly_charges"}, True)


def test_a_large_window_is_judged_by_a_sample_and_says_so(judge: Judge, keep: Keep, customers: Draw) -> None:
    keep(customers(3_000, 2))
    outcome = judge(sample_rows=1_000)
    assert (outcome.record["window_rows"], outcome.record["judged_rows"]) == (3_000, 1_000)
    assert "; 1,000 live rows sampled from 3,000 against 1,000 reference rows of model" in outcome.said


def test_customers_are_judged_whichever_model_they_met_but_predictions_only_of_the_pinned_one(
    judge: Judge, keep: Keep, customers: Draw, pinned: str
) -> None:
    keep(customers(600, 2).assign(contract_type=0), version="20250101-00000000")
    keep(customers(400, 3))
    outcome = judge()
    assert (outcome.code, outcome.drifted) == (1, {"contract_type"})
    assert outcome.predictions["drifted"] is False
    assert f"only predictions of {pinned} are compared; the rows were predicted 600 by 20250101" in outcome.said


@pytest.mark.parametrize("rows", [0, 199])
def test_calm_inputs_with_too_few_predictions_of_the_pinned_model_cannot_tell(
    judge: Judge, keep: Keep, customers: Draw, pinned: str, rows: int
) -> None:
    keep(customers(600, 2), version="20250101-00000000")
    if rows:
        keep(customers(rows, 3))
    outcome = judge()
    assert (outcome.code, outcome.record["verdict"], outcome.drifted) == (2, "cannot tell", set())
    missing = f"{rows} of {600 + rows} rows have a prediction of model {pinned}, at least 200 are needed."
    assert outcome.said.startswith(f"cannot tell: {missing} If this model was pinned recently, wait for more")
    assert outcome.record["reason"].startswith(missing)


def test_as_many_predictions_of_the_pinned_model_as_are_needed_can_tell(
    judge: Judge, keep: Keep, customers: Draw
) -> None:
    keep(customers(600, 2), version="20250101-00000000")
    keep(customers(200, 3))
    assert judge().code == 0


def test_shifted_inputs_are_drift_without_any_prediction_of_the_pinned_model(
    judge: Judge, keep: Keep, customers: Draw
) -> None:
    keep(customers(600, 2).assign(contract_type=0), version="20250101-00000000")
    outcome = judge()
    assert (outcome.code, outcome.drifted) == (1, {"contract_type"})
    assert outcome.record["unjudged"] == {"churn_probability": "no value in the live rows"}
    assert "; warning: 0 of 600 rows have a prediction of model" in outcome.said


def test_answers_that_are_not_those_of_the_model_are_drift_though_the_inputs_are_calm(
    judge: Judge, keep: Keep, customers: Draw, log_url: str
) -> None:
    keep(customers(1_000, 2))
    engine = log_tables.connect(log_url)
    with engine.begin() as connection:
        connection.execute(sa.update(log_tables.PREDICTIONS).values(churn_probability=0.5))
    engine.dispose()
    outcome = judge()
    assert (outcome.code, outcome.drifted, outcome.predictions["drifted"]) == (1, set(), True)


def count(url: str, *, answered: int, refused: int, fields: dict[str, int], dropped: int = 0) -> None:
    """Write the counts of some requests of an hour ago to the log."""
    at = datetime.now(UTC) - timedelta(hours=1)
    counted = {
        "traffic_id": row_ids.first_id(at),
        "counted_at": at,
        "answered_requests": answered,
        "refused_requests": refused,
        "refused_fields": fields,
        "dropped_rows": dropped,
    }
    engine = log_tables.connect(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(log_tables.TRAFFIC), [counted])
    engine.dispose()


def test_many_refusals_cannot_tell_and_name_their_fields(
    judge: Judge, keep: Keep, customers: Draw, log_url: str
) -> None:
    keep(customers(500, 2))
    count(log_url, answered=500, refused=250, fields={"contract_type": 240, "other": 60})
    outcome, allowed = judge(), judge(max_refused_share=0.4)
    said = "refused with 422: 33.3% of requests; broken rules by field: contract_type 80%, other 20%"
    assert (outcome.code, outcome.record["verdict"], outcome.drifted) == (2, "cannot tell", set())
    assert outcome.said.startswith(f"cannot tell: {said}. More than 10% are refused, and the log has no row of them.")
    assert outcome.record["refused_fields"] == {"contract_type": 0.8, "other": 0.2}
    assert further_remarks(outcome.record) == further_remarks(allowed.record) == [said]
    assert allowed.code == 0


def test_drift_stays_drift_whatever_is_refused(judge: Judge, keep: Keep, customers: Draw, log_url: str) -> None:
    keep(customers(500, 2).assign(contract_type=0))
    count(log_url, answered=500, refused=250, fields={"contract_type": 250})
    outcome = judge()
    assert (outcome.code, outcome.drifted) == (1, {"contract_type"})
    assert "; warning: refused with 422: 33.3% of requests" in outcome.said


def test_where_nearly_all_are_refused_the_missing_rows_are_explained(
    judge: Judge, keep: Keep, customers: Draw, log_url: str
) -> None:
    keep(customers(10, 2))
    fields = dict.fromkeys(("a", "b", "c", "d", "e", "f", "g"), 10)
    count(log_url, answered=10, refused=990, fields=fields)
    said = "10 rows, at least 200 are needed (refused with 422: 99.0% of requests; broken rules by field: a 14%, "
    assert said in judge().said
    assert "e 14% and 2 more). Wait for more rows" in judge().said


def test_refusals_and_holes_in_the_log_are_said(judge: Judge, keep: Keep, customers: Draw, log_url: str) -> None:
    keep(customers(500, 2))
    count(log_url, answered=950, refused=50, fields={"tenure_months": 50}, dropped=1_234)
    outcome = judge()
    assert (outcome.code, outcome.record["refused_share"], outcome.record["dropped_rows"]) == (0, 0.05, 1_234)
    assert further_remarks(outcome.record) == [
        "missing from the log: 1,234 predictions, dropped while its database was unavailable",
        "refused with 422: 5.0% of requests; broken rules by field: tenure_months 100%",
    ]


def test_rows_without_inputs_are_left_out_and_counted(judge: Judge, keep: Keep, customers: Draw) -> None:
    keep(customers(300, 2), inputs=False)
    keep(customers(300, 3))
    outcome = judge()
    assert (outcome.code, outcome.record["window_rows"], outcome.record["judged_rows"]) == (0, 600, 300)
    assert further_remarks(outcome.record) == ["left out, without the inputs of this contract: 300 rows"]


def test_rows_of_an_earlier_contract_are_left_out_and_counted(
    judge: Judge, keep: Keep, customers: Draw, log_url: str
) -> None:
    keep(customers(300, 2), version="20250101-00000000")
    engine = log_tables.connect(log_url)
    with engine.begin() as connection:
        connection.execute(sa.update(log_tables.PREDICTIONS).values(features={"age": 40}))
    engine.dispose()
    keep(customers(300, 3))
    assert judge().record["rows_without_inputs"] == 300


def test_calm_predictions_without_inputs_cannot_tell(judge: Judge, keep: Keep, customers: Draw) -> None:
    keep(customers(300, 2), inputs=False)
    outcome = judge()
    assert (outcome.code, outcome.predictions["drifted"], outcome.record["rows_without_inputs"]) == (2, False, 300)
    assert outcome.said.startswith(
        "cannot tell: no row has the inputs of this contract. Set SERVICE_LOG_INPUTS=plain for the service, so that it "
        "logs them, or check a file with --live. Partial result: no drift in 1 column; 300 live rows against 3,000 "
        "reference rows"
    )
    assert (outcome.record["violations"], further_remarks(outcome.record)) == ({}, [])


def test_predictions_that_moved_are_drift_without_inputs(judge: Judge, keep: Keep, customers: Draw) -> None:
    keep(customers(300, 2).assign(contract_type=0), inputs=False)
    outcome = judge()
    assert (outcome.code, outcome.drifted, outcome.predictions["drifted"]) == (1, set(), True)


@pytest.mark.parametrize(("rows", "said"), [(0, "0 rows, at least 200"), (199, "199 rows, at least 200")])
def test_a_window_with_too_few_rows_cannot_tell(
    judge: Judge, keep: Keep, customers: Draw, rows: int, said: str
) -> None:
    keep(customers(500, 2), at=datetime.now(UTC) - timedelta(days=3))
    if rows:
        keep(customers(rows, 3))
    outcome = judge()
    assert (outcome.code, said in outcome.said) == (2, True)
    assert outcome.said.startswith("cannot tell: the log from 20")


def test_a_log_that_is_not_there_cannot_tell(judge: Judge) -> None:
    outcome = judge()
    assert outcome.code == 2
    assert (
        "no such prediction log. Start the service, or create it with `python -m monitoring migrate`." in outcome.said
    )


def test_a_log_of_another_kind_cannot_tell(judge: Judge) -> None:
    assert (
        judge(log_url="mysql://localhost/churn")
        .record["reason"]
        .startswith("mysql://localhost/churn: the prediction log")
    )


def test_a_window_that_ends_before_it_begins_cannot_tell(judge: Judge, keep: Keep, customers: Draw) -> None:
    keep(customers(500, 2))
    outcome = judge(from_time="2026-03-02", to_time="2026-03-01")
    assert outcome.code == 2
    assert "Give --since 24h, or --from with an earlier time than --to." in outcome.said


@pytest.mark.parametrize("asked", [{"since": "24h"}, {"from_time": "2026-03-01"}, {"to_time": "2026-03-01"}])
def test_a_file_and_a_window_together_cannot_tell(judge: Judge, customers: Draw, asked: dict[str, str]) -> None:
    outcome = judge(customers(500, 2), **asked)
    assert outcome.code == 2
    assert "Leave out --live, or --since, --from and --to." in outcome.said
