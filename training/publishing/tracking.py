"""Logs a fit to MLflow: a run, and a version of the registered model."""

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import joblib
import mlflow
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Metric, RunInfo
from mlflow.exceptions import MlflowException
from sklearn.pipeline import Pipeline

from models import file_lock
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import CARD_PAGE
from models.columns.origins import TARGET
from training.data.datasets import Dataset
from training.errors import TrackingFailed
from training.learning.trial import Trial
from training.publishing import artifact_folder, code_version, lineage, page_links, run_description, tracking_errors
from training.settings import FitSettings

REGISTERED_MODEL = "churn"
CHALLENGER, CHAMPION = "challenger", "champion"
_PATIENCE_SECONDS = 120.0
"""Time to wait for another program that makes MLflow's tables; that takes seconds."""
_SOURCE, _COMMAND = "mlflow.source.name", "python -m training fit"
_NOTE = "mlflow.note.content"
_EXPERIMENT_TAGS = {
    _NOTE: run_description.EXPERIMENT,
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "roc_auc",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
}


class Run:
    """An open MLflow run."""

    def __init__(self, uri: str, info: RunInfo) -> None:
        self._uri, self._info = uri, info
        self.run_id: str = info.run_id

    @property
    def link(self) -> str:
        """How to open the run's page."""
        return page_links.invitation(self._uri, page_links.run(self._info.experiment_id, self.run_id))

    def log_data(self, dataset: Dataset, settings: FitSettings) -> None:
        """Log the lineage of the rows: source, content digest, size and profile."""
        provenance = dataset.provenance
        with tracking_errors.convert(self._uri):
            table = pd.DataFrame({**dataset.features, TARGET: dataset.churned}, copy=False)
            source, digest = lineage.source(settings), provenance.sha256[:16]
            name = lineage.name(settings, source)
            logged = from_pandas(table, source=source, targets=TARGET, name=name, digest=digest)
            # Sets a cached property, because inferring it from a million rows takes seconds.
            vars(logged)["schema"] = from_pandas(table.head(10_000), targets=TARGET).schema
            mlflow.log_input(logged, context="training")
            data = provenance.model_dump(exclude={"live"}, exclude_none=True)
            mlflow.log_params({f"data_{name}": value for name, value in data.items()})
            if provenance.live is not None:
                mlflow.log_params({f"live_{name}": value for name, value in provenance.live.model_dump().items()})

    def log_folds(self, folds: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
        """Log each algorithm's metrics on each fold as a table.

        They are not logged as metrics with steps: MLflow's tables would show the last fold as the result.
        """
        with tracking_errors.convert(self._uri):
            rows = pd.DataFrame(run_description.fold_rows(folds))
            mlflow.log_text(rows.to_csv(index=False, float_format="%.4f"), "folds.csv")

    def log_trial(self, trial: Trial) -> None:
        """Log a trial as a nested run; a pruned trial has the status KILLED, as in MLflow's own searches."""
        with (
            tracking_errors.convert(self._uri),
            mlflow.start_run(run_name=f"trial {trial.number}", nested=True, tags={"state": trial.state}),
        ):
            mlflow.log_params(trial.parameters)
            if trial.log_loss is None:
                mlflow.end_run("KILLED")
            else:
                mlflow.log_metric("trial/log_loss", trial.log_loss)

    def register(self, pipeline: Pipeline, bundle: Bundle, rows: pd.DataFrame) -> str:
        """Log the bundle and the pipeline, and register them as the new challenger.

        The signature is inferred from `rows`. Returns the number of the registered version.
        """
        manifest = bundle.manifest
        with tracking_errors.convert(self._uri):
            mlflow.log_params(manifest.parameters)
            mlflow.log_artifacts(str(bundle.directory), "bundle")
            mlflow.log_artifacts(str(bundle.directory / "figures"), "figures")
            mlflow.log_artifact(str(bundle.path(CARD_PAGE)))
            _log_joblib(pipeline)
            sample, name = rows.head(1_000), run_description.short(manifest.version)
            logged = mlflow.sklearn.log_model(
                pipeline,
                name=name,
                tags={_SOURCE: _COMMAND},
                serialization_format=mlflow.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE,  # skops refuses XGBClassifier
                signature=mlflow.models.infer_signature(sample, pipeline.predict_proba(sample)),
                pyfunc_predict_fn="predict_proba",
                pip_requirements=[f"{name}=={version}" for name, version in manifest.libraries.items()],
            )
            mlflow.log_metrics(run_description.test_metrics(manifest), model_id=logged.model_id)
            tags = {"bundle_version": manifest.version}
            card = page_links.run(self._info.experiment_id, self.run_id, tab=f"/artifacts/{CARD_PAGE}")
            described = {_NOTE: run_description.of_run(manifest, card=card)}
            mlflow.set_tags(tags | described | {"mlflow.runName": name})
            client = mlflow.MlflowClient()
            # mlflow.log_metrics would show the metrics of all algorithms as those of the logged model.
            client.log_batch(self.run_id, [_metric(*one) for one in run_description.fold_metrics(manifest).items()])
            _describe_registered_model(client)
            version = client.create_model_version(
                REGISTERED_MODEL,
                logged.model_uri,
                self.run_id,
                tags=tags,
                description=run_description.of_version(manifest),
                model_id=logged.model_id,
            )
            number = str(version.version)
            client.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, number)
            return number

    def mark_champion(self, number: str) -> None:
        """Set the alias `champion` to a registered version."""
        with tracking_errors.convert(self._uri):
            mark_champion(mlflow.MlflowClient(), number)


@contextmanager
def run(settings: FitSettings, *, title: str | None = None) -> Iterator[Run]:
    """Open a run, by default with the title of a fit, and close it as finished, or failed if an exception is raised.

    Raises:
        TrackingFailed: MLflow cannot be reached or rejects a request; the first request is made before any work.
    """
    uri = settings.mlflow
    with tracking_errors.convert(uri):
        configure(uri, settings.output_dir)
        tags = {"mlflow.source.git.commit": code_version.commit() or "unknown", _SOURCE: _COMMAND}
        active = mlflow.start_run(run_name=title or f"fit of {lineage.title(settings)}", tags=tags)
    try:
        yield Run(uri, active.info)
    except BaseException:
        with (
            contextlib.suppress(TrackingFailed),
            tracking_errors.convert(uri),
        ):  # the original exception is the one to report
            mlflow.end_run("FAILED")
        raise
    with tracking_errors.convert(uri):
        mlflow.end_run()


def configure(uri: str, output_dir: Path) -> None:
    """Set MLflow's server or database, and this project's experiment."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # hides messages about its tables and about our choices
    # MLflow's default is seven retries with growing pauses: minutes without a message if a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    # A server's link is printed once, with the result, and not for every trial.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    is_server = uri.startswith(("http://", "https://", "databricks"))
    if not is_server:
        output_dir.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(uri)
    with _one_at_a_time(uri):
        _set_experiment(uri, None if is_server else output_dir / "artifacts")


@contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """Lock an SQLite database: two programs that make its tables at the same time would disturb each other."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    path = Path(f"{uri.removeprefix('sqlite:///').partition('?')[0]}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with file_lock.held(path, patience_seconds=_PATIENCE_SECONDS):
        yield


def _set_experiment(uri: str, artifacts: Path | None) -> None:
    """Make this project's experiment if there is none, and set it; `artifacts` is None for a server."""
    found = mlflow.get_experiment_by_name(REGISTERED_MODEL)
    if found is None:
        location = None if artifacts is None else artifacts.resolve().as_uri()
        with _made_by_others():
            mlflow.create_experiment(REGISTERED_MODEL, artifact_location=location)
    elif found.lifecycle_stage == "deleted":
        raise tracking_errors.deleted(uri, found.experiment_id)
    elif artifacts is not None:
        artifact_folder.follow(uri, found.artifact_location, artifacts)
    experiment = mlflow.set_experiment(REGISTERED_MODEL)
    for name, value in _EXPERIMENT_TAGS.items():
        if name not in experiment.tags:  # else people may have changed it on MLflow's pages
            mlflow.set_experiment_tag(name, value)


@contextmanager
def _made_by_others() -> Iterator[None]:
    """Go on if another fit made the same in the meantime."""
    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def mark_champion(client: mlflow.MlflowClient, number: str) -> None:
    """Set the alias `champion` to a registered version, which is then no longer the challenger."""
    client.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, number)
    aliases = client.get_registered_model(REGISTERED_MODEL).aliases
    if str(aliases.get(CHALLENGER)) == str(number):  # a database gives integers, a server texts
        client.delete_registered_model_alias(REGISTERED_MODEL, CHALLENGER)


def _describe_registered_model(client: mlflow.MlflowClient) -> None:
    described = run_description.REGISTERED_MODEL
    found = client.search_registered_models(f"name = '{REGISTERED_MODEL}'")
    if not found:
        with _made_by_others():
            client.create_registered_model(REGISTERED_MODEL, description=described)
    elif not found[0].description:  # of a registry from before descriptions
        client.update_registered_model(REGISTERED_MODEL, described)


def _metric(name: str, value: float) -> Metric:
    return Metric(name, value, timestamp=int(time.time() * 1_000), step=0)


def _log_joblib(pipeline: Pipeline) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "pipeline.joblib"
        joblib.dump(pipeline, path)
        mlflow.log_artifact(str(path))
