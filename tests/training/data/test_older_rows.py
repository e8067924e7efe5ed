"""Files and logged rows from before a change of the contract are read with the contract of today."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from demo.populations import CALM
from models.columns.errors import ColumnMissing
from models.customer.contract import Contract
from models.features import CONTRACT
from tests import changed_contract, live_log
from training.data import datasets, slices, synthetic
from training.data.live_errors import InputsNotKept
from training.data.splitting import Split
from training.errors import GroupingImpossible
from training.scoring import score_file
from training.settings import FitSettings, ScoreSettings

TODAY = changed_contract.after(renamed={"support_tickets": "tickets"}, without=["contract_type"])
RENAMED = changed_contract.after(added=[], renamed={"support_tickets": "tickets"})


def live(url: str, contract: Contract) -> datasets.Dataset:
    return datasets.load(FitSettings(data="live", log_url=url), contract)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'predictions.db'}"


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """A file with the earlier name of a field."""
    synthetic.sample(400, seed=5)[0].to_csv(tmp_path / "customers.csv", index=False)
    return tmp_path / "customers.csv"


def test_logged_rows_of_before_have_the_names_of_today_and_are_unknown_in_what_is_new(url: str) -> None:
    live_log.write(url, CALM, 1_000)
    found = live(url, TODAY)
    before = pd.DataFrame([customer.features for customer in CALM.customers(1_000, seed=1)])
    assert list(found.features) == list(TODAY.names)
    np.testing.assert_array_equal(found.features["tickets"], before["support_tickets"])
    assert found.features["region"].isna().all()
    assert found.provenance.live is not None
    assert (found.provenance.live.rows, found.provenance.live.other_contract) == (1_000, 0)


def test_rows_of_before_and_of_today_are_learned_from_together(url: str) -> None:
    live_log.write(url, CALM, 600)
    rows = pd.DataFrame([customer.features for customer in CALM.customers(500, seed=2)])
    today = rows.rename(columns={"support_tickets": "tickets"}).assign(region="south").drop(columns="contract_type")
    values = today.astype(object).where(today.notna(), None).to_dict("records")
    made = [live_log.NOW - live_log.DAY * (4 - at / 500) for at in range(500)]
    features = [{str(name): value for name, value in row.items()} for row in values]
    churned = [at % 3 == 0 for at in range(500)]
    live_log.add(url, features, churned, made, [at + live_log.DAY / 2 for at in made], has_outcome=[True] * 500)
    found = live(url, TODAY).features
    assert (len(found), int((found["region"] == "south").sum())) == (1_100, 500)
    assert found.dtypes.astype(str).to_dict() == {feature.name: feature.dtype for feature in TODAY.features}


def test_rows_without_a_required_new_field_are_counted_as_of_another_contract(url: str) -> None:
    live_log.write(url, CALM, 300)
    required = replace(changed_contract.REGION, nullable=False)
    with pytest.raises(InputsNotKept, match="300 with the inputs of another contract"):
        live(url, changed_contract.after(added=[required]))


def test_a_file_with_the_earlier_name_of_a_column_is_trained_on(customers: Path) -> None:
    found = datasets.load(FitSettings(data=str(customers)), RENAMED)
    np.testing.assert_array_equal(found.features["tickets"], pd.read_csv(customers)["support_tickets"])


def test_a_columns_file_may_name_the_source_of_a_renamed_field(customers: Path, tmp_path: Path) -> None:
    table = pd.read_csv(customers).assign(calls=7)
    table.to_csv(customers, index=False)
    (tmp_path / "mine.toml").write_text('[features]\ntickets = { column = "calls" }\n')
    found = datasets.load(FitSettings(data=str(customers), columns=tmp_path / "mine.toml"), RENAMED)
    assert set(found.features["tickets"]) == {7}


def test_a_file_without_any_name_of_a_column_is_refused_by_the_new_name(customers: Path) -> None:
    pd.read_csv(customers).drop(columns="support_tickets").to_csv(customers, index=False)
    with pytest.raises(ColumnMissing, match="tickets"):
        datasets.load(FitSettings(data=str(customers)), RENAMED)


NAMES = ("support_tickets", "tickets")


@pytest.mark.parametrize("asked", NAMES)
@pytest.mark.parametrize("written", NAMES)
def test_options_take_either_name_of_a_field_for_a_file_with_either(customers: Path, asked: str, written: str) -> None:
    table = pd.read_csv(customers)
    table.rename(columns={"support_tickets": written}).to_csv(customers, index=False)
    settings = {"data": str(customers), "slices": [asked], "time_column": asked}
    found = datasets.load(FitSettings.model_validate(settings), RENAMED)
    assert found.times is not None
    assert found.times.astype(int).tolist() == table["support_tickets"].tolist()
    assert found.others.empty
    everyone = Split(np.arange(400), np.arange(400), folds=[], told="")
    columns = [column.feature.name for column in slices.columns(found, everyone, RENAMED, [asked])]
    assert columns == list(RENAMED.names)
    with pytest.raises(GroupingImpossible, match=f"--group-column {asked}: a feature is made from it"):
        datasets.load(FitSettings(data=str(customers), group_column=asked), RENAMED)


def test_a_column_that_a_renamed_field_is_made_from_tells_no_customers_apart(customers: Path, tmp_path: Path) -> None:
    pd.read_csv(customers).rename(columns={"support_tickets": "calls"}).to_csv(customers, index=False)
    (tmp_path / "mine.toml").write_text('[features]\nsupport_tickets = { column = "calls" }\n')
    settings = FitSettings(data=str(customers), columns=tmp_path / "mine.toml", group_column="calls")
    with pytest.raises(GroupingImpossible, match="--group-column calls: a feature is made from it"):
        datasets.load(settings, RENAMED)


@pytest.mark.parametrize("name", NAMES)
def test_live_rows_are_grouped_by_either_name_of_a_field(url: str, name: str) -> None:
    live_log.write(url, CALM, 300)
    assert datasets.load(FitSettings(data="live", log_url=url, slices=[name]), RENAMED).others.empty


@pytest.mark.shipped_model
def test_a_file_of_before_is_scored_by_the_model_of_before_as_it_was(
    customers: Path, root: Path, tmp_path: Path
) -> None:
    chosen = {"input": customers, "models_dir": root / "models"}
    for name, contract in (("before.csv", CONTRACT), ("after.csv", RENAMED)):
        settings = ScoreSettings.model_validate(chosen | {"output": tmp_path / name})
        score_file.score(settings, contract=contract)
    assert (tmp_path / "before.csv").read_text() == (tmp_path / "after.csv").read_text()
