"""Logs a fit to MLflow: a run, and a version of the registered model. `training.promotion.registry` reads them."""

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
from training.data.datasets import Dataset
from training.data.mapping import TARGET
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
        """Log the rows' lineage: source, content digest, size and profile."""
        provenance = dataset.provenance
        with translated(self._uri):
            table = pd.DataFrame({**dataset.features, TARGET: dataset.churned}, copy=False)
            source, digest = lineage.source(settings), provenance.sha256[:36]
            logged = from_pandas(table, source=source, targets=TARGET, name=lineage.name(source), digest=digest)
            # A cached property: to look at every value of a million rows takes seconds.
            vars(logged)["schema"] = from_pandas(table.head(10_000), targets=TARGET).schema
            mlflow.log_input(logged, context="training")
            mlflow.log_params(
                {f"data_{name}": value for name, value in provenance.model_dump(exclude={"live"}).items()}
            )
            if provenance.live is not None:
                mlflow.log_params({f"live_{name}": value for name, value in provenance.live.model_dump().items()})

    def log_folds(self, folds: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
        """Log each algorithm's metrics on each held-out fold, the fold's number as the step."""
        with translated(self._uri):
            for name, results in folds.items():
                for step, result in enumerate(results, start=1):
                    prefix = f"folds/{name.replace(' ', '_')}"
                    mlflow.log_metrics({f"{prefix}/{metric}": value for metric, value in result.items()}, step=step)

    def log_trial(self, trial: Trial) -> None:
        """Log a trial of a search as a run below this one; a pruned one ends as killed, as in MLflow's own searches."""
        with (
            translated(self._uri),
            mlflow.start_run(run_name=f"trial {trial.number}", nested=True, tags={"state": trial.state}),
        ):
            mlflow.log_params(trial.parameters)
            if trial.log_loss is None:
                mlflow.end_run("KILLED")
            else:
                mlflow.log_metric("log_loss", trial.log_loss)

    def register(self, pipeline: Pipeline, bundle: Bundle, rows: pd.DataFrame) -> str:
        """Log the bundle, the pipeline and the signature that rows give it, and register them as the new challenger.

        Returns the number of the registered version.
        """
        manifest = bundle.manifest
        with translated(self._uri):
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
        """Give a registered version the alias of the one that is served."""
        with translated(self._uri):
            mlflow.MlflowClient().set_registered_model_alias(REGISTERED_MODEL, CHAMPION, number)


@contextmanager
def run(settings: FitSettings) -> Iterator[Run]:
    """Open a run, and close it as finished, or as failed by whatever stops the work.

    Raises:
        TrackingFailed: MLflow cannot be reached, or refuses; before any work is done, if it is so from the start.
    """
    uri = settings.mlflow
    with translated(uri):
        use(uri, settings.output_dir)
        active = mlflow.start_run(tags={"mlflow.source.git.commit": code_version.commit() or "unknown"})
    try:
        yield Run(uri, active.info.run_id)
    except BaseException:
        with contextlib.suppress(TrackingFailed), translated(uri):  # what stopped the work is what to tell
            mlflow.end_run("FAILED")
        raise
    with translated(uri):
        mlflow.end_run()


def use(uri: str, output_dir: Path) -> None:
    """Turn MLflow to a server or database, and to this project's experiment."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # it tells of its tables, and warns of our choices
    # Seven retries with growing pauses are MLflow's default: minutes of silence when a server is down.
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
def translated(uri: str) -> Iterator[None]:
    """Let nothing of MLflow's through but one error.

    Raises:
        TrackingFailed: whatever MLflow raised.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own choices: pickle, integer columns
            yield
    except Exception as error:  # MLflow lets through what SQLAlchemy, Alembic and requests raise
        raise TrackingFailed(uri=uri, problem=cause(error)) from error
