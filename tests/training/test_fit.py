"""A fit as a whole: what it publishes, what it logs, what it repeats, and when it pins."""

import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import joblib
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from xgboost import Booster, DMatrix

from models import bundle
from models.bundle import Bundle
from models.errors import ParityError
from models.features import CONTRACT
from models.scorer import Scorer
from training import data, evaluation, export, model, pipeline, publishing, tracking
from training.card import NAMES
from training.errors import TrackingFailed
from training.pipeline import Published
from training.settings import FitSettings


def load(settings: FitSettings) -> Bundle:
    return bundle.load(settings.models_dir, fingerprint=CONTRACT.fingerprint)


def changed(settings: FitSettings, **changes: object) -> FitSettings:
    return FitSettings.model_validate(settings.model_dump() | changes)


@pytest.fixture
def client(settings: FitSettings) -> MlflowClient:
    return MlflowClient(settings.mlflow)


def test_the_bundle_holds_what_it_promises(published: Published) -> None:
    assert set(published.bundle.manifest.files) == {
        "model.onnx",
        "model.ubj",
        "reference.parquet",
        "MODEL_CARD.md",
        "figures/roc.png",
        "figures/precision_recall.png",
        "figures/calibration.png",
        "figures/confusion.png",
    }
    reference = pd.read_parquet(published.bundle.path("reference.parquet"))
    assert tuple(reference.columns) == CONTRACT.names
    assert len(reference) == 1_600


def test_the_manifest_says_how_good_the_model_is_and_against_what(published: Published) -> None:
    manifest = json.loads(published.bundle.path("manifest.json").read_bytes())
    assert set(NAMES) <= manifest["metrics"].keys()
    low, high = manifest["intervals"]["roc_auc"]["low"], manifest["intervals"]["roc_auc"]["high"]
    assert 0.75 < low < manifest["metrics"]["roc_auc"] < high < 0.95
    assert manifest["metrics"]["roc_auc"] < manifest["metrics"]["best_reachable_roc_auc"] + 0.02
    assert set(manifest["cross_validation"]) == {"xgboost", "logistic regression", "constant"}
    assert sum(manifest["confusion"].values()) == 400
    assert manifest["data"]["rows"] == 2_000


def test_graph_booster_and_joblib_pipeline_agree(
    published: Published, settings: FitSettings, client: MlflowClient, tmp_path: Path
) -> None:
    rows = data.load(settings, CONTRACT).features
    matrix = CONTRACT.to_matrix(rows)
    booster = Booster(model_file=published.bundle.path("model.ubj"))
    dumped = joblib.load(client.download_artifacts(published.run_id, "pipeline.joblib", str(tmp_path)))
    scored = Scorer.of(published.bundle).score(matrix)
    np.testing.assert_allclose(scored, booster.predict(DMatrix(matrix)), atol=1e-5)
    np.testing.assert_allclose(scored, dumped.predict_proba(rows)[:, 1], atol=1e-5)
    assert published.bundle.manifest.parity_difference <= 1e-5


def test_a_graph_that_disagrees_is_never_published(
    settings: FitSettings, published: Published, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_models = export.write_models

    def write_another_model(classifier: object, *, width: int, graph: Path, booster: Path) -> None:
        write_models(classifier, width=width, graph=graph, booster=booster)  # type: ignore[arg-type]  # handed through
        shutil.copy(published.bundle.path("model.onnx"), graph)

    monkeypatch.setattr(export, "write_models", write_another_model)
    with pytest.raises(ParityError, match="Nothing was published"):
        pipeline.fit(changed(settings, seed=8, models_dir=tmp_path / "models"))
    assert list((tmp_path / "models" / "store").iterdir()) == []


@pytest.mark.parametrize(("difference", "agrees"), [(9e-6, True), (1.1e-5, False)])
def test_parity_is_asked_of_the_last_row_too_and_to_1e_5(
    published: Published, difference: float, *, agrees: bool
) -> None:
    matrix = np.repeat(CONTRACT.to_matrix({name: [value] for name, value in CONTRACT.example.items()}), 3, axis=0)
    scored = Scorer.of(published.bundle).score(matrix)
    scored[-1] += difference

    class Classifier:
        def predict_proba(self, _: object) -> np.ndarray:
            return np.column_stack([1 - scored, scored])

    graph = published.bundle.path("model.onnx")
    with nullcontext() if agrees else pytest.raises(ParityError):
        assert export.check_parity(Classifier(), graph, matrix) == pytest.approx(difference, abs=1e-12)  # type: ignore[arg-type]  # a stand-in


def test_no_row_of_the_test_set_is_seen_before_it_is_judged(
    settings: FitSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[pd.Index] = []
    cross_validate = evaluation.cross_validate

    def spy(candidates: object, features: pd.DataFrame, churned: object, **rest: object) -> object:
        seen.append(features.index)
        return cross_validate(candidates, features, churned, **rest)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(evaluation, "cross_validate", spy)
    monkeypatch.setattr(publishing, "REFERENCE_ROWS", 300)
    published: list[publishing.Fitted] = []
    publish = publishing.publish

    def keep(fitted: publishing.Fitted, *rest: object, **more: object) -> Bundle:
        published.append(fitted)
        return publish(fitted, *rest, **more)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(publishing, "publish", keep)
    bundle_ = pipeline.fit(settings).bundle
    [fitted], [folds] = published, seen
    dataset = data.load(settings, CONTRACT)
    assert set(folds) == set(fitted.training_rows)
    assert set(fitted.training_rows) | set(fitted.test_rows) == set(range(2_000))
    assert not set(fitted.training_rows) & set(fitted.test_rows)
    shares = [dataset.churned[rows].mean() for rows in (fitted.training_rows, fitted.test_rows)]
    assert shares[0] == pytest.approx(shares[1], abs=0.002)

    reference = pd.read_parquet(bundle_.path("reference.parquet"))
    training = dataset.features.iloc[fitted.training_rows]
    assert len(reference) == 300
    assert len(reference.merge(training.drop_duplicates(), how="inner")) == 300
    assert not reference.equals(training.head(300).reset_index(drop=True))


@pytest.mark.parametrize("step", ["register", "mark_champion"])
@pytest.mark.usefixtures("published")
def test_whatever_fails_in_mlflow_the_served_model_stays(
    settings: FitSettings, monkeypatch: pytest.MonkeyPatch, client: MlflowClient, step: str
) -> None:
    def fail(*_: object) -> str:
        raise TrackingFailed(uri=settings.mlflow, problem="disk full")

    before = (settings.models_dir / "pinned.json").read_bytes()
    monkeypatch.setattr(tracking.Run, step, fail)
    with pytest.raises(TrackingFailed, match="disk full"):
        pipeline.fit(changed(settings, seed=11, pin=True))
    assert (settings.models_dir / "pinned.json").read_bytes() == before
    [experiment] = client.search_experiments(filter_string="name = 'churn'")
    [last] = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"], max_results=1)
    assert last.info.status == "FAILED"


def test_another_seed_grows_other_trees_on_the_same_rows(settings: FitSettings) -> None:
    dataset = data.load(settings, CONTRACT)
    fitted = [
        model.candidates(CONTRACT, seed=seed, threads=1)[model.SERVED].fit(dataset.features, dataset.churned)
        for seed in (1, 1, 2)
    ]
    first, again, other = (pipeline_.predict_proba(dataset.features) for pipeline_ in fitted)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.slow
def test_the_model_in_git_is_what_this_code_makes(root: Path, settings: FitSettings, tmp_path: Path) -> None:
    in_git = bundle.load(root / "models", fingerprint=CONTRACT.fingerprint).manifest.files
    made = pipeline.fit(changed(settings, rows=20_000, models_dir=tmp_path / "models")).bundle.manifest.files
    # The card and the figures too, but for what another processor or font library does to a last digit or a pixel.
    exact = ("model.onnx", "model.ubj", "reference.parquet")
    assert {name: made[name] for name in exact} == {name: in_git[name] for name in exact}
    assert made.keys() == in_git.keys()


def test_equal_seed_and_data_give_equal_digests_and_another_seed_does_not(
    settings: FitSettings, published: Published, tmp_path: Path
) -> None:
    again = pipeline.fit(changed(settings, models_dir=tmp_path / "again"))
    other = pipeline.fit(changed(settings, models_dir=tmp_path / "other", seed=8))
    assert again.bundle.manifest.files == published.bundle.manifest.files
    assert again.bundle.manifest.version[-8:] == published.bundle.manifest.version[-8:]
    assert other.bundle.manifest.files["model.onnx"] != published.bundle.manifest.files["model.onnx"]


def test_the_first_fit_is_pinned_and_a_later_one_only_if_asked(
    settings: FitSettings, client: MlflowClient, tmp_path: Path
) -> None:
    settings = changed(settings, models_dir=tmp_path / "models")
    first = pipeline.fit(settings)
    assert first.pinned
    second = pipeline.fit(changed(settings, seed=9))
    assert not second.pinned
    assert load(settings).manifest.version == first.bundle.manifest.version
    challenger = client.get_model_version_by_alias("churn", "challenger")
    champion = client.get_model_version_by_alias("churn", "champion")
    assert challenger.tags["bundle_version"] == second.bundle.manifest.version
    assert champion.tags["bundle_version"] == first.bundle.manifest.version

    third = pipeline.fit(changed(settings, seed=10, pin=True))
    assert third.pinned
    assert load(settings).manifest.version == third.bundle.manifest.version
    assert (
        client.get_model_version_by_alias("churn", "champion").tags["bundle_version"] == third.bundle.manifest.version
    )


def test_mlflow_keeps_parameters_metrics_folds_lineage_and_artifacts(
    published: Published, client: MlflowClient
) -> None:
    run = client.get_run(published.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["max_depth"] == "4"
    assert run.data.params["data_sha256"] == published.bundle.manifest.data.sha256
    assert run.data.metrics["roc_auc"] == published.bundle.manifest.metrics["roc_auc"]
    assert run.data.metrics["roc_auc_low"] == published.bundle.manifest.intervals["roc_auc"].low
    folds = client.get_metric_history(published.run_id, "folds/logistic_regression/roc_auc")
    assert [fold.step for fold in folds] == [1, 2, 3, 4, 5]
    assert len(run.data.tags["mlflow.source.git.commit"]) == 40
    assert run.inputs is not None
    assert run.inputs.dataset_inputs[0].dataset.digest == published.bundle.manifest.data.sha256[:36]
    artifacts = {artifact.path for artifact in client.list_artifacts(published.run_id)}
    assert {"bundle", "pipeline.joblib"} <= artifacts
    figures = {artifact.path for artifact in client.list_artifacts(published.run_id, "bundle/figures")}
    assert "bundle/figures/roc.png" in figures


def test_the_registered_model_has_a_signature_of_the_contract(
    published: Published, settings: FitSettings, client: MlflowClient
) -> None:
    version = next(
        version
        for version in client.search_model_versions("name = 'churn'")
        if version.tags["bundle_version"] == published.bundle.manifest.version
    )
    mlflow.set_tracking_uri(settings.mlflow)
    signature = mlflow.models.get_model_info(f"models:/churn/{version.version}").signature
    assert tuple(signature.inputs.input_names()) == CONTRACT.names


def test_mlflow_out_of_reach_stops_before_the_work_and_says_where(settings: FitSettings, tmp_path: Path) -> None:
    unreachable = changed(settings, models_dir=tmp_path / "models", tracking_uri="http://127.0.0.1:9")
    with pytest.raises(TrackingFailed, match=r"127.0.0.1:9.*MLFLOW_TRACKING_URI"):
        pipeline.fit(unreachable)
    assert list((tmp_path / "models" / "store").iterdir()) == []


@pytest.mark.slow
def test_the_real_table_reaches_the_known_quality(
    telco: Path, root: Path, settings: FitSettings, tmp_path: Path
) -> None:
    columns = root / "training" / "columns" / "telco.toml"
    manifest = pipeline.fit(
        changed(settings, data=str(telco), columns=columns, models_dir=tmp_path / "models")
    ).bundle.manifest
    assert manifest.metrics["roc_auc"] >= 0.88
    assert manifest.intervals["roc_auc"].low >= 0.87
    served, linear = (manifest.cross_validation[name]["roc_auc"].mean for name in ("xgboost", "logistic regression"))
    assert served >= 0.89
    assert served > linear + 0.02
