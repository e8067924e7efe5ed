"""What MLflow keeps of the source of a fit's rows, for every kind of source, and what it must not keep."""

from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from models.features import CONTRACT
from training.data import datasets, synthetic
from training.errors import SourceUnreadable
from training.publishing import lineage, tracking
from training.settings import FitSettings

LOG = {"log_url": "postgresql://ann:s3cret@db/log", "since": "90d", "outcomes_known": "observed"}
LOG_TOLD = {"prediction_log": "postgresql://ann:***@db/log", "since": "90d", "outcomes_known": "observed"}


def told(**settings: Any) -> dict[str, Any]:
    source = lineage.source(FitSettings.model_validate(settings))
    return {"kind": source._get_source_type()} | source.to_dict()


def tags(**settings: Any) -> dict[str, str]:
    found = told(**settings)
    assert found["kind"] == "code"
    texts: dict[str, str] = found["tags"]
    return texts


@pytest.mark.filterwarnings("ignore:The specified dataset source can be interpreted")  # two classes of MLflow's, alike
def test_a_file_is_a_local_file_whichever_folder_it_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(data="rows.csv") == {"kind": "local", "uri": str(tmp_path / "rows.csv")}


def test_a_database_is_told_with_its_query_and_without_its_password() -> None:
    asked = {"data": "postgresql://ann:s3cret@db/churn?sslpassword=s3cret", "query": "select 'postgres://a:s3cret@b'"}
    assert tags(**asked) == {
        "database": "postgresql://ann:***@db/churn?sslpassword=***",
        "query": "select 'postgres://a:***@b'",
    }


def test_an_object_store_is_told_by_its_address() -> None:
    assert tags(data="s3://lake/customers") == {"file": "s3://lake/customers"}
    assert tags(data="gs://lake/customers,live", **LOG) == {"file": "gs://lake/customers"} | LOG_TOLD


def test_the_synthetic_population_is_told_by_what_makes_it_again() -> None:
    assert tags(rows=300, seed=5) == {"synthetic_rows": "300", "synthetic_seed": "5"}


def test_live_rows_are_told_with_the_log_and_what_was_taken_of_it() -> None:
    assert tags(data="live", **LOG) == LOG_TOLD
    assert tags(data="live", **LOG, mature_after="30d") == LOG_TOLD | {"mature_after": "30d"}
    assert tags(data="live", **LOG, trusted_reporters="crm") == LOG_TOLD | {"trusted_reporters": "crm"}


def test_rows_with_live_rows_behind_them_are_told_as_both(tmp_path: Path) -> None:
    assert tags(data=f"{tmp_path / 'rows.csv'},live", **LOG) == {"file": str(tmp_path / "rows.csv")} | LOG_TOLD
    database = {"database": "sqlite:///rows.db", "query": "select 1"}
    assert tags(data="sqlite:///rows.db,live", query="select 1", **LOG) == database | LOG_TOLD
    assert tags(data="synthetic,live", seed=5, **LOG)["synthetic_seed"] == "5"


@pytest.mark.parametrize("source", ["synthetic", "rows.csv", "live", "rows.csv,live"])
def test_a_query_that_no_database_gets_is_refused(source: str) -> None:
    with pytest.raises(SourceUnreadable, match="--query selects from a database, and this is none"):
        datasets.load(FitSettings(data=source, query="select 1"), CONTRACT)


def test_equal_rows_of_two_sources_keep_both_sources(tmp_path: Path) -> None:
    rows = synthetic.sample(400, seed=5)[0]
    for name in ("first.csv", "second.csv"):
        rows.to_csv(tmp_path / name, index=False)
    kept = []
    for name in ("first.csv", "second.csv", "first.csv"):
        settings = FitSettings(
            data=str(tmp_path / name), output_dir=tmp_path, tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}"
        )
        with tracking.run(settings) as run:
            run.log_data(datasets.load(settings, CONTRACT), settings)
        inputs = MlflowClient(settings.mlflow).get_run(run.run_id).inputs
        assert inputs is not None
        kept += inputs.dataset_inputs
    assert [mlflow.data.get_source(one).to_dict()["uri"] for one in kept] == [
        str(tmp_path / name) for name in ("first.csv", "second.csv", "first.csv")
    ]
    assert len({one.dataset.digest for one in kept}) == 1
    assert kept[0].dataset.name == kept[2].dataset.name != kept[1].dataset.name
