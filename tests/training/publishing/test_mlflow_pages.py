"""What MLflow's pages show of a fit: names, descriptions, metrics that rank rightly, the data, and files to open."""

import csv
import json
from pathlib import Path
from statistics import fmean, stdev

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from models.bundles.format.bundle_files import CARD_PAGE
from models.bundles.manifest import Manifest
from training.learning import evaluation, model
from training.pipeline import Published
from training.publishing import page_links, run_description, tracking
from training.publishing.tracking import REGISTERED_MODEL
from training.settings import FitSettings

PAGE = "http://localhost:5001/#/experiments/1/runs/a?workflowType=machine_learning"


@pytest.fixture(scope="module")
def client(published: Published, settings: FitSettings) -> MlflowClient:
    assert published.run_id
    return MlflowClient(settings.mlflow)


@pytest.fixture(scope="module")
def run(published: Published, client: MlflowClient) -> Run:
    return client.get_run(published.run_id)


def folds_of(client: MlflowClient, run: Run, folder: Path) -> dict[str, list[dict[str, float]]]:
    path = client.download_artifacts(run.info.run_id, "folds.csv", str(folder))
    found: dict[str, list[dict[str, float]]] = {}
    for row in csv.DictReader(Path(path).read_text().splitlines()):
        found.setdefault(row.pop("algorithm"), []).append({name: float(value) for name, value in row.items()})
    return found


def test_the_runs_table_ranks_algorithms_by_their_mean_over_the_folds(
    published: Published, client: MlflowClient, run: Run, tmp_path: Path
) -> None:
    folds, compared = folds_of(client, run, tmp_path), published.bundle.manifest.cross_validation
    assert tuple(folds) == tuple(compared) == model.ALGORITHMS
    shown = {}
    for name, results in folds.items():
        assert [result["fold"] for result in results] == [1, 2, 3, 4, 5]
        for metric in evaluation.METRICS:
            column, values = f"folds/{metric}/{name.replace(' ', '_')}", [result[metric] for result in results]
            assert run.data.metrics[f"{column}_mean"] == pytest.approx(fmean(values), abs=1e-4)
            assert run.data.metrics[f"{column}_std"] == pytest.approx(stdev(values), abs=1e-4)
            assert run.data.metrics[f"{column}_mean"] == compared[name][metric].mean
        shown[name] = run.data.metrics[f"folds/roc_auc/{name.replace(' ', '_')}_mean"]
    assert min(shown.values()) == shown[model.CONSTANT] == 0.5
    assert max(shown, key=lambda name: shown[name]) == max(compared, key=lambda name: compared[name]["roc_auc"].mean)


def test_no_metric_hides_values_behind_its_last_one(run: Run, client: MlflowClient) -> None:
    assert {
        metric for metric in run.data.metrics if len(client.get_metric_history(run.info.run_id, metric)) != 1
    } == set()


def test_the_run_is_named_and_described_in_words(published: Published, run: Run) -> None:
    manifest = published.bundle.manifest
    assert run.info.run_name == manifest.version[:17]
    assert run.data.tags["mlflow.source.name"] == "python -m training fit"
    told = run.data.tags["mlflow.note.content"]
    assert f"ROC-AUC {manifest.metrics['roc_auc']:.3f} (95 % interval" in told
    assert f"made from 2,000 customers of `{manifest.data.source}`" in told
    assert "| xgboost (this model) |" in told
    assert f"(#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/{CARD_PAGE}?" in told


def test_a_run_that_publishes_nothing_still_says_what_it_read(settings: FitSettings, client: MlflowClient) -> None:
    with pytest.raises(RuntimeError), tracking.run(settings) as opened:
        raise RuntimeError
    failed = client.get_run(opened.run_id)
    assert (failed.info.run_name, failed.info.status) == ("fit of synthetic", "FAILED")


def test_the_data_are_shown_by_name_digest_schema_and_size(published: Published, run: Run) -> None:
    assert run.inputs is not None
    [shown] = [one.dataset for one in run.inputs.dataset_inputs]
    assert shown.name.startswith("synthetic ")
    assert shown.digest == published.bundle.manifest.data.sha256[:16]
    columns = json.loads(shown.schema or "")["mlflow_colspec"]
    assert [column["name"] for column in columns] == [
        *(feature["name"] for feature in published.bundle.manifest.features),
        "churned",
    ]
    assert json.loads(shown.profile or "")["num_rows"] == 2_000


def test_card_and_figures_open_beside_the_bundle(
    published: Published, run: Run, client: MlflowClient, tmp_path: Path
) -> None:
    assert {one.path for one in client.list_artifacts(run.info.run_id)} == {
        "MODEL_CARD.html",
        "bundle",
        "figures",
        "folds.csv",
        "pipeline.joblib",
    }
    for name in (CARD_PAGE, "figures/roc.png", "figures/calibration.png"):
        opened = Path(client.download_artifacts(run.info.run_id, name, str(tmp_path)))
        assert opened.read_bytes() == published.bundle.path(name).read_bytes()


def test_the_experiment_is_a_classical_one_and_says_how_to_read_it(client: MlflowClient, run: Run) -> None:
    tags = client.get_experiment(run.info.experiment_id).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    assert "`folds/METRIC/ALGORITHM_mean`" in tags["mlflow.note.content"]
    assert tags["mlflow.experiment.primaryMetric.name"] in run.data.metrics


def test_what_people_wrote_on_the_pages_stays(settings: FitSettings, client: MlflowClient, run: Run) -> None:
    number, note = run.info.experiment_id, "mlflow.note.content"
    client.set_experiment_tag(number, note, "ours")
    with tracking.run(settings):
        pass
    assert client.get_experiment(number).tags[note] == "ours"
    client.set_experiment_tag(number, note, run_description.EXPERIMENT)


def test_the_version_is_described_and_the_champion_is_not_its_own_challenger(
    published: Published, client: MlflowClient
) -> None:
    manifest: Manifest = published.bundle.manifest
    registered = client.get_registered_model(REGISTERED_MODEL)
    assert "alias `champion` is served" in (registered.description or "")
    [version] = [
        client.get_model_version(REGISTERED_MODEL, one.version)
        for one in client.search_model_versions(f"tags.bundle_version = '{manifest.version}'")
        if one.run_id == published.run_id
    ]
    assert (version.description or "").startswith(f"ROC-AUC {manifest.metrics['roc_auc']:.3f} (95 % interval ")
    assert str(registered.aliases["champion"]) != str(registered.aliases.get("challenger"))


def test_only_metrics_of_the_test_set_are_those_of_the_logged_model(
    published: Published, client: MlflowClient, run: Run
) -> None:
    manifest = published.bundle.manifest
    models = client.search_logged_models([run.info.experiment_id])
    [logged] = [one for one in models if one.source_run_id == published.run_id]
    assert logged.name == manifest.version[:17]
    assert {one.key: one.value for one in logged.metrics or []}["roc_auc"] == manifest.metrics["roc_auc"]
    assert not [one.key for one in logged.metrics or [] if one.key.startswith("folds/")]


@pytest.mark.parametrize("text", ["", "a note", "a note\n\n## Promotion gate\n\n### an earlier refusal"])
def test_the_gate_is_told_once_below_what_was_written_before(text: str) -> None:
    told = run_description.with_gate(text, "## a is promoted\n\n| check |\n")
    assert told.startswith("a note\n\n## Promotion gate" if text else "## Promotion gate")
    assert told.endswith("## Promotion gate\n\n### a is promoted\n\n| check |\n")
    assert "refusal" not in told
    assert len(run_description.with_gate(text, "x" * 10_000)) == 5_000


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (
            "http://ann:s3cret@host:5000/",
            "http://ann:***@host:5000/#/experiments/1/runs/a?workflowType=machine_learning",
        ),
        (
            "sqlite:///var/mlflow.db",
            f"make mlflow, then {PAGE}",
        ),
        (
            "sqlite:////my folder/mlflow.db",
            "MLFLOW_TRACKING_URI='sqlite:////my folder/mlflow.db' make mlflow, then " + PAGE,
        ),
    ],
)
def test_the_link_says_how_to_open_the_page_and_no_password(uri: str, told: str) -> None:
    assert page_links.invitation(uri, page_links.run("1", "a")) == told
