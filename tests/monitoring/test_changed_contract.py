"""Drift and performance of a model from before a change of the contract: what both contracts have is watched."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from models.bundles import bundle
from models.bundles.format import bundle_files
from models.customer.contract import Contract
from models.log import connections, log_tables
from monitoring.log import customer_files
from monitoring.period import Period
from monitoring.quality import labelled_predictions
from tests import changed_contract, live_log

Judge = Callable[..., Any]
Draw = Callable[[int, int], pd.DataFrame]
Keep = Callable[..., None]

TODAY = changed_contract.after(renamed={"support_tickets": "tickets"}, without=["contract_type"])
NOT_COMPARED = {
    "region": "added after the training of the pinned model",
    "contract_type": "removed after the training of the pinned model",
}


def test_older_rows_are_compared_in_the_fields_that_both_contracts_have(
    judge: Judge, keep: Keep, customers: Draw
) -> None:
    keep(customers(1_000, 2))
    record = judge(contract=TODAY).record
    assert (record["judged_rows"], record["rows_without_inputs"]) == (1_000, 0)
    assert {name: record["unjudged"][name] for name in NOT_COMPARED} == NOT_COMPARED
    judged = {column["name"] for column in record["columns"]}
    assert {"tenure_months", "tickets", "monthly_charges"} <= judged
    assert not judged & {"region", "contract_type", "support_tickets"}
    assert {column["name"] for column in record["columns"] if column["drifted"]} <= {"churn_probability"}


def test_a_shift_of_a_renamed_field_is_seen_in_rows_of_both_names(
    judge: Judge, keep: Keep, customers: Draw, log_url: str
) -> None:
    shifted = customers(600, 2)
    shifted["support_tickets"] += 4
    keep(shifted)
    renamed = shifted.rename(columns={"support_tickets": "tickets"}).assign(region="north").to_dict("records")
    engine = log_tables.connect(log_url)
    with engine.begin() as connection:
        [*ids] = connection.scalars(sa.select(log_tables.PREDICTIONS.c.prediction_id).limit(300))
        for identity, row in zip(ids, renamed, strict=False):
            values = {key: None if value != value else value for key, value in row.items()}  # noqa: PLR0124  # NaN
            chosen = log_tables.PREDICTIONS.c.prediction_id == identity
            connection.execute(sa.update(log_tables.PREDICTIONS).where(chosen).values(features=values))
    engine.dispose()
    outcome = judge(contract=TODAY)
    assert (outcome.code, outcome.record["judged_rows"]) == (1, 600)
    assert "tickets" in outcome.drifted


def test_a_removed_field_alone_is_no_drift_of_the_predictions(judge: Judge, customers: Draw) -> None:
    outcome = judge(customers(1_000, 2), contract=changed_contract.after(added=[], without=["support_tickets"]))
    assert (outcome.code, outcome.drifted, outcome.predictions["drifted"]) == (0, set(), False)


def test_rows_without_a_required_new_field_are_left_out(judge: Judge, keep: Keep, customers: Draw) -> None:
    keep(customers(1_000, 2))
    required = replace(changed_contract.REGION, nullable=False, required=True)
    outcome = judge(contract=changed_contract.after(added=[required]))
    assert (outcome.code, outcome.record["rows_without_inputs"]) == (2, 1_000)


def test_the_reference_has_the_columns_of_today(shelf: Path) -> None:
    model = bundle.load(shelf, contract=TODAY)
    found = customer_files.read_of_bundle(model, bundle_files.REFERENCE, TODAY, rows=5_000)
    expected = pd.read_parquet(model.path("reference.parquet"))
    assert list(found) == list(TODAY.names)
    assert found["region"].isna().all()
    np.testing.assert_array_equal(found["tickets"], expected["support_tickets"])


def logged(shelf: Path, log_url: str, rows: pd.DataFrame) -> tuple[Period, str]:
    """Log predictions of the pinned model with their outcomes; return their period and the model's version."""
    at, version = datetime.now(UTC) - timedelta(hours=2), bundle.load(shelf, contract=TODAY).manifest.version
    features = [{str(name): value for name, value in row.items()} for row in rows.fillna(0).to_dict("records")]
    moments, churned = [at] * len(rows), [number % 2 == 0 for number in range(len(rows))]
    live_log.add(log_url, features, churned, moments, moments, has_outcome=[True] * len(rows), version=version)
    return Period(at - timedelta(hours=1), at + timedelta(hours=1)), version


def read(log_url: str, period: Period, version: str, contract: Contract) -> Mapping[str, Any]:
    with connections.connection(log_url) as opened:
        found = labelled_predictions.read(opened, period, model_version=version, contract=contract, trusted=None)
    return found.outcomes.features


def test_older_rows_with_an_outcome_have_the_names_of_today(shelf: Path, log_url: str, customers: Draw) -> None:
    rows = customers(50, 2)
    found = read(log_url, *logged(shelf, log_url, rows), TODAY)
    assert sorted(found["tickets"]) == sorted(rows["support_tickets"])
    assert np.isnan(found["region"]).all()


def test_older_rows_with_an_outcome_have_the_default_of_an_added_field(
    shelf: Path, log_url: str, customers: Draw
) -> None:
    region = replace(changed_contract.REGION, nullable=False, default="south")
    found = read(log_url, *logged(shelf, log_url, customers(50, 2)), changed_contract.after(added=[region]))
    assert found["region"].tolist() == [1] * 50


def test_older_rows_without_a_required_new_field_have_their_other_values(
    shelf: Path, log_url: str, customers: Draw
) -> None:
    region = replace(changed_contract.REGION, nullable=False)
    found = read(log_url, *logged(shelf, log_url, customers(50, 2)), changed_contract.after(added=[region]))
    assert np.isnan(found["region"]).all()
    assert np.isfinite(found["support_tickets"]).all()
