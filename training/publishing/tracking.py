"""Logs a fit to MLflow: a run, and a version of the registered model."""

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import joblib
import mlflow
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from sklearn.pipeline import Pipeline

from models.bundles.bundle import Bundle
from training.data.column_mapping import TARGET
from training.data.datasets import Dataset
from training.errors import TrackingFailed, cause
from training.learning.trial import Trial
from training.publishing import code_version, lineage
from training.settings import FitSettings

REGISTERED_MODEL = "churn"
CHALLENGER, CHAMPION = "challenger", "champion"


class Run:
    """An open MLflow run."""

    def __init__(self, uri: str, run_id: str) -> None:
        self._uri = uri
        self.run_id = run_id

    def log_data(self, dataset: Dataset, settings: FitSettings) -> None:
        """Log the lineage of the rows: source, content digest, size and profile."""
        provenance = dataset.provenance
        with mlflow_errors(self._uri):
            table = pd.DataFrame({**dataset.features, TARGET: dataset.churned}, copy=False)
            source, digest = lineage.source(settings), provenance.sha256[:36]
            logged = from_pandas(table, source=source, targets=TARGET, name=lineage.name(source), digest=digest)
            # Sets a cached property, because inferring it from a million rows takes seconds.
            vars(logged)["schema"] = from_pandas(table.head(10_000), targets=TARGET).schema
            mlflow.log_input(logged, context="training")
            mlflow.log_params(
                {f"data_{name}": value for name, value in provenance.model_dump(exclude={"live"}).items()}
            )
            if provenance.live is not None:
                mlflow.log_params({f"live_{name}": value for name, value in provenance.live.model_dump().items()})

    def log_folds(self, folds: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
        """Log each algorithm's metrics on each fold, with the fold number as the step."""
        with mlflow_errors(self._uri):
            for name, results in folds.items():
                for step, result in enumerate(results, start=1):
                    prefix = f"folds/{name.replace(' ', '_')}"
                    mlflow.log_metrics({f"{prefix}/{metric}": value for metric, value in result.items()}, step=step)

    def log_trial(self, trial: Trial) -> None:
        """Log a trial as a nested run; a pruned trial has the status KILLED, as in MLflow's own searches."""
        with (
            mlflow_errors(self._uri),
            mlflow.start_run(run_name=f"trial {trial.number}", nested=True, tags={"state": trial.state}),
        ):
            mlflow.log_params(trial.parameters)
            if trial.log_loss is None:
                mlflow.end_run("KILLED")
            else:
                mlflow.log_metric("log_loss", trial.log_loss)

    def register(self, pipeline: Pipeline, bundle: Bundle, rows: pd.DataFrame) -> str:
        """Log the bundle and the pipeline, and register them as the new challenger.

        The signature is inferred from `rows`. Returns the number of the registered version.
        """
        manifest = bundle.manifest
        with mlflow_errors(self._uri):
            mlflow.log_params(manifest.parameters)
            mlflow.log_metrics(manifest.metrics)
            for metric, interval in manifest.intervals.items():
                mlflow.log_metrics({f"{metric}_low": interval.low, f"{metric}_high": interval.high})
            mlflow.log_artifacts(str(bundle.directory), "bundle")
            _log_joblib(pipeline)
            sample = rows.head(1_000)
            logged = mlflow.sklearn.log_model(
                pipeline,
                name="pipeline",
                serialization_format=mlflow.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE,  # skops refuses XGBClassifier
                signature=mlflow.models.infer_signature(sample, pipeline.predict_proba(sample)),
                pyfunc_predict_fn="predict_proba",
                pip_requirements=[f"{name}=={version}" for name, version in manifest.libraries.items()],
            )
            tags = {"bundle_version": manifest.version}
            mlflow.set_tags(tags | {"mlflow.runName": manifest.version})
            client = mlflow.MlflowClient()
            if not client.search_registered_models(f"name = '{REGISTERED_MODEL}'"):
                client.create_registered_model(REGISTERED_MODEL)
            version = client.create_model_version(
                REGISTERED_MODEL, logged.model_uri, self.run_id, tags=tags, model_id=logged.model_id
            )
            number = str(version.version)
            client.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, number)
            return number

    def mark_champion(self, number: str) -> None:
        """Set the alias `champion` to a registered version."""
        with mlflow_errors(self._uri):
            mlflow.MlflowClient().set_registered_model_alias(REGISTERED_MODEL, CHAMPION, number)


@contextmanager
def run(settings: FitSettings) -> Iterator[Run]:
    """Open a run, and close it as finished, or as failed if an exception is raised.

    Raises:
        TrackingFailed: MLflow cannot be reached or rejects a request; the first request is made before any work.
    """
    uri = settings.mlflow
    with mlflow_errors(uri):
        configure(uri, settings.output_dir)
        active = mlflow.start_run(tags={"mlflow.source.git.commit": code_version.commit() or "unknown"})
    try:
        yield Run(uri, active.info.run_id)
    except BaseException:
        with contextlib.suppress(TrackingFailed), mlflow_errors(uri):  # the original exception is the one to report
            mlflow.end_run("FAILED")
        raise
    with mlflow_errors(uri):
        mlflow.end_run()


def configure(uri: str, output_dir: Path) -> None:
    """Set MLflow's server or database, and this project's experiment."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # hides messages about its tables and about our choices
    # MLflow's default is seven retries with growing pauses: minutes without a message if a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    is_server = uri.startswith(("http://", "https://", "databricks"))
    if not is_server:
        output_dir.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(uri)
    if mlflow.get_experiment_by_name(REGISTERED_MODEL) is None:
        artifacts = None if is_server else (output_dir / "artifacts").resolve().as_uri()
        mlflow.create_experiment(REGISTERED_MODEL, artifact_location=artifacts)
    mlflow.set_experiment(REGISTERED_MODEL)


def _log_joblib(pipeline: Pipeline) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "pipeline.joblib"
        joblib.dump(pipeline, path)
        mlflow.log_artifact(str(path))


@contextmanager
def mlflow_errors(uri: str) -> Iterator[None]:
    """Convert every exception of MLflow to one error.

    Raises:
        TrackingFailed: MLflow raised an exception.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # MLflow warns about pickle and integer columns
            yield
    except Exception as error:  # MLflow passes on exceptions of SQLAlchemy, Alembic and requests
        raise TrackingFailed(uri=uri, problem=cause(error)) from error
