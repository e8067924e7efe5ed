"""The drift job finds drift, names the drifted columns, and returns 2 on any error."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.bundles import pins
from models.customer.contract import Contract
from models.features import CONTRACT
from monitoring import drift_job

Judge = Callable[..., Any]
Draw = Callable[[int, int], pd.DataFrame]
Publish = Callable[[pd.DataFrame, Contract], Path]


@pytest.mark.parametrize("rows", [200, 20_000])
def test_unchanged_customers_are_no_drift_whatever_their_number(judge: Judge, customers: Draw, rows: int) -> None:
    outcome = judge(customers(rows, 2))
    assert (outcome.code, outcome.drifted) == (0, set())
    assert outcome.said.startswith(f"no drift in 7 columns; {rows:,} live rows against 3,000 reference rows of model")


@pytest.mark.parametrize("column", ["monthly_charges", "support_tickets"])
def test_a_shift_of_three_tenths_of_a_deviation_is_found_in_its_column_alone(
    judge: Judge, customers: Draw, column: str
) -> None:
    live = customers(5_000, 2)
    live[column] += 0.3 * live[column].std()
    outcome = judge(live)
    assert (outcome.code, outcome.drifted) == (1, {column})


def test_shifted_columns_are_named_with_the_farthest_first(judge: Judge, customers: Draw) -> None:
    live = customers(600, 2).assign(contract_type=0)
    live["monthly_charges"] += 15
    outcome = judge(live)
    assert outcome.code == 1
    assert outcome.said.startswith("drift in 3 of 7 columns: contract_type (Jensen-Shannon distance ")
    assert outcome.drifted == {"monthly_charges", "contract_type"}


def test_the_order_of_rows_changes_nothing(judge: Judge, customers: Draw) -> None:
    live = customers(1_000, 2)
    live["tenure_months"] //= 2
    first, second = judge(live), judge(live.sample(frac=1, random_state=0))
    assert first.record["columns"] == second.record["columns"]
    assert first.drifted == {"tenure_months"}


def test_columns_that_fall_silent_or_freeze_are_drift(judge: Judge, customers: Draw) -> None:
    live = customers(1_000, 2).assign(monthly_charges=np.nan, support_tickets=1)
    live.loc[::5, "total_charges"] = np.nan
    outcome = judge(live)
    assert outcome.drifted == {"monthly_charges missing", "total_charges missing", "support_tickets"}
    assert "not compared: monthly_charges, no value in the live rows\n" in outcome.said


def test_values_that_the_report_does_not_draw_decide_all_the_same(judge: Judge, customers: Draw) -> None:
    live = customers(3_000, 2).astype({"contract_type": "Float64", "support_tickets": "Float64"})
    live.loc[1:, ["contract_type", "support_tickets"]] = pd.NA
    outcome = judge(live, sample_rows=1_000)
    assert (outcome.code, outcome.drifted) == (1, {"contract_type missing", "support_tickets missing"})
    assert {"contract_type", "support_tickets"} <= {column["name"] for column in outcome.record["columns"]}
    named = "support_tickets, contract_type, churn_prob"
    told = f"because none of the 1,000 drawn live rows has a value of them: {named}"
    assert told in outcome.page.read_text()


def test_a_column_that_no_longer_is_constant_is_drift(
    judge: Judge, customers: Draw, publish_reference: Publish
) -> None:
    shelf = publish_reference(customers(3_000, 1).assign(contract_type=2), CONTRACT)
    assert judge(customers(1_000, 2), models_dir=shelf).drifted == {"contract_type"}


def test_a_column_constant_on_both_sides_is_said_not_to_be_judged(
    judge: Judge, customers: Draw, publish_reference: Publish
) -> None:
    shelf = publish_reference(customers(3_000, 1).assign(contract_type=2), CONTRACT)
    outcome = judge(customers(1_000, 2).assign(contract_type=2), models_dir=shelf)
    assert (outcome.code, outcome.record["unjudged"]) == (0, {"contract_type": "always two-year"})


def test_a_new_category_is_drift_and_outside_the_contract(judge: Judge, customers: Draw) -> None:
    live = customers(1_000, 2)
    live.loc[::10, "contract_type"] = 9
    outcome = judge(live)
    assert outcome.drifted == {"contract_type"}
    assert "outside the contract: contract_type not one of [0, 1, 2], 100 live rows\n" in outcome.said


def test_one_value_outside_the_contract_is_told_but_is_no_drift(judge: Judge, customers: Draw) -> None:
    live = customers(1_000, 2)
    live.loc[7, "monthly_charges"] = -1
    outcome = judge(live)
    assert (outcome.code, outcome.record["violations"]) == (0, {"monthly_charges below 0": 1})


def test_too_many_rows_outside_the_contract_cannot_tell(judge: Judge, customers: Draw) -> None:
    live = customers(1_000, 2).astype({"support_tickets": float})
    live.loc[:100, "support_tickets"] = 0.5
    quiet = {"min_distance": 0.9}
    outcome = judge(live, **quiet)
    assert outcome.code == 2
    assert (
        "101 of 1,000 rows break a rule of the contract, as listed below; more than 10% are too many. " in outcome.said
    )
    assert "outside the contract: support_tickets not a whole number, 101 live rows\n" in outcome.said
    assert judge(live, **quiet, max_refused_share=0.101).code == 0


def test_drift_of_rows_that_break_rules_comes_with_a_warning_that_is_true(judge: Judge, customers: Draw) -> None:
    live = customers(1_000, 2).assign(contract_type=9)
    outcome = judge(live)
    assert (outcome.code, outcome.drifted) == (1, {"contract_type"})
    assert "; warning: 0 of 1,000 rows have a prediction of model" in outcome.said
    assert "200 are needed. Rows that break a rule of the contract, as listed below, have none: correct" in outcome.said
    assert (
        "1,000 of 1,000 rows break a rule of the contract, as listed below; more than 10% are too many" in outcome.said
    )
    assert "not checked" not in outcome.said


def test_a_folder_with_a_damaged_file_cannot_tell(judge: Judge, customers: Draw, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    assert f"{folder}: it is a folder without .parquet files. Give " in judge(folder).said
    customers(500, 2).to_parquet(folder / "monday.parquet")
    (folder / "tuesday.parquet").write_bytes(b"PAR1")
    outcome = judge(folder)
    assert outcome.code == 2
    assert outcome.said.startswith(f"cannot tell: {folder}: tuesday.parquet: ")


def test_nothing_to_judge_cannot_tell(judge: Judge, customers: Draw, publish_reference: Publish) -> None:
    alike = pd.concat([customers(1, 1)] * 300)
    outcome = judge(alike, models_dir=publish_reference(alike, CONTRACT))
    assert outcome.code == 2
    assert outcome.said.startswith("cannot tell: no column can be compared: tenure_months: always ")


def test_too_few_rows_cannot_tell(judge: Judge, customers: Draw) -> None:
    outcome = judge(customers(199, 2))
    assert outcome.code == 2
    remedy = "Wait for more rows, choose a longer window, or lower --min-rows.\n"
    assert f"199 rows, at least 200 are needed. {remedy}" in outcome.said


def test_a_table_without_rows_cannot_tell(judge: Judge, customers: Draw) -> None:
    assert judge(customers(0, 2)).code == 2


def test_an_empty_file_cannot_tell(judge: Judge, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    outcome = judge(empty)
    assert outcome.code == 2
    assert outcome.said.startswith(f"cannot tell: {empty}: ")


def test_a_missing_column_cannot_tell(judge: Judge, customers: Draw) -> None:
    outcome = judge(customers(1_000, 2).drop(columns="tenure_months"))
    assert outcome.code == 2
    assert 'no column "tenure_months"' in outcome.said


def test_an_unnamed_file_cannot_tell(judge: Judge) -> None:
    assert judge(None).code == 2


def test_a_changed_reference_cannot_tell(judge: Judge, customers: Draw, shelf: Path) -> None:
    reference = shelf / "store" / pins.read(shelf).version / "reference.parquet"
    reference.write_bytes(reference.read_bytes() + b" ")
    outcome = judge(customers(1_000, 2))
    assert outcome.code == 2
    assert str(reference) in outcome.said


def test_an_unexpected_error_cannot_tell_and_leaves_its_traceback_in_the_log(
    judge: Judge, customers: Draw, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(drift_job, "detect", fail)
    with caplog.at_level(logging.ERROR):
        outcome = judge(customers(1_000, 2))
    assert outcome.code == 2
    assert "Traceback" not in outcome.said
    assert "ZeroDivisionError" in caplog.text


def test_a_run_that_cannot_tell_leaves_a_record_after_that_of_the_last_good_day(
    judge: Judge, customers: Draw, shelf: Path
) -> None:
    good = judge(customers(500, 2))
    blind = judge(customers(10, 2))
    assert (good.record["verdict"], blind.record["verdict"]) == ("no drift", "cannot tell")
    assert blind.record.keys() == {
        "verdict", "exit_code", "reason", "summary", "model_version", "report", "run_id", "started_at", "finished_at",
        "live",
    }  # fmt: skip
    assert (blind.record["exit_code"], blind.record["report"]) == (2, None)
    assert blind.said.startswith(f"cannot tell: {blind.record['reason']}\nrecord: ")
    assert blind.record["model_version"] == pins.read(shelf).version
    assert good.record["finished_at"] < blind.record["started_at"] <= blind.record["finished_at"]


def test_without_a_pin_the_record_knows_no_model(judge: Judge, tmp_path: Path) -> None:
    record = judge(None, models_dir=tmp_path / "nowhere").record
    assert (record["verdict"], record["model_version"]) == ("cannot tell", None)


@pytest.mark.parametrize("rows", [10, 500])
def test_an_unwritable_output_folder_cannot_tell_and_says_what_to_do(
    judge: Judge, customers: Draw, tmp_path: Path, caplog: pytest.LogCaptureFixture, rows: int
) -> None:
    taken = tmp_path / "taken"
    taken.touch()  # a file, because root may write to every folder
    with caplog.at_level(logging.ERROR):
        outcome = judge(customers(rows, 2), output_dir=taken)
    assert (outcome.code, caplog.text) == (2, "")
    assert f"not saved: {taken}: Not a directory\n" in outcome.said
    if rows == 500:
        remedy = "Not a directory. Give a folder that this process may write to with --output-dir.\n"
        assert outcome.said.startswith(f"cannot tell: {taken}: {remedy}")


def test_a_verdict_that_the_dashboard_cannot_take_is_recorded_as_cannot_tell(
    judge: Judge, customers: Draw, tmp_path: Path
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "workspace").touch()
    outcome = judge(customers(500, 2))
    assert (outcome.code, outcome.record["verdict"]) == (2, "cannot tell")
    assert "with --output-dir" in outcome.record["reason"]


def test_any_contract_can_be_watched(judge: Judge, second_contract: Contract, publish_reference: Publish) -> None:
    def draw(rows: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        spend = rng.gamma(2, 200, rows).clip(0, 9_000)
        seats = pd.Series(rng.integers(1, 50, rows), dtype="Int64").mask(rng.random(rows) < 0.1)
        return pd.DataFrame(
            {
                "plan": rng.choice(["basic", "plus", "pro"], rows),
                "region": rng.choice(np.array(["north", "south", None]), rows),
                "auto_renew": rng.random(rows) < 0.7,
                "newsletter": rng.choice(np.array([True, False, None]), rows),
                "seats": seats,
                "spend": spend,
                "peak_spend": spend * 1.5,
            }
        )

    shelf = publish_reference(draw(3_000, 1), second_contract)
    calm = judge(draw(800, 2), contract=second_contract, models_dir=shelf)
    assert (calm.code, calm.record["violations"]) == (0, {})

    live = draw(800, 3).assign(auto_renew=False, plan="pro")
    live.loc[::4, "newsletter"] = None
    shifted = judge(live, contract=second_contract, models_dir=shelf)
    assert shifted.drifted == {"auto_renew", "plan", "newsletter missing"}


def test_rows_whose_customers_or_times_cannot_be_told_are_counted_and_said(judge: Judge, customers: Draw) -> None:
    digests = [f"customer-{at:023d}" for at in range(300)] + [f"{at // 2:032X}" for at in range(600)]
    outcome = judge(customers(900, 2).assign(customer_digest=digests, prediction_id="7b-1"))
    assert (outcome.code, outcome.record["window_rows"]) == (0, 600)
    assert "900 predictions of 600 customers; the newest of each counts\n" in outcome.said
    assert "300 values of customer_digest are no digests of the log, which are texts of 32 hexadecimal" in outcome.said
    assert "600 values of prediction_id are no ids of the log, which begin with the time" in outcome.said
