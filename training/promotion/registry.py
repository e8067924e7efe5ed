"""What MLflow knows of models that were fitted before: their bundles, and what became of them at the gate.

With `training.publishing.tracking` the only module that knows MLflow. Nothing that serves depends on it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from training.errors import TrackingFailed
from training.promotion.gate_result import GateResult
from training.publishing import tracking
from training.publishing.tracking import CHAMPION, REGISTERED_MODEL
from training.settings import StoreSettings

logger = logging.getLogger(__name__)


def download(version: str, settings: StoreSettings, folder: Path) -> Path | None:
    """Bring a bundle from the registry into a folder, and return where it lies; None if no such version is known.

    Raises:
        TrackingFailed: MLflow does not answer.
    """
    with _client(settings) as client:
        if (registered := _find(client, version)) is None:
            return None
        return Path(mlflow.artifacts.download_artifacts(f"runs:/{registered.run_id}/bundle", dst_path=str(folder)))


def record(verdict: GateResult, report: str, settings: StoreSettings) -> None:
    """Keep what the gate said with the challenger's run, or a run of its own where MLflow does not know the fit.

    Raises:
        TrackingFailed: MLflow does not take it.
    """
    with _client(settings) as client:
        registered = _find(client, verdict.challenger)
        name = f"gate {verdict.challenger}"
        with mlflow.start_run(run_id=registered.run_id) if registered else mlflow.start_run(run_name=name):
            gains = {f"gate/{metric}_gain": gain.better_by.value for metric, gain in verdict.gains.items()}
            lows = {f"gate/{metric}_gain_low": gain.better_by.low for metric, gain in verdict.gains.items()}
            mlflow.log_metrics(gains | lows)
            result = "promoted" if verdict.promoted else "refused"
            mlflow.set_tags({"gate": result, "gate.champion": verdict.champion})
            mlflow.log_text(report, "gate.md")


def mark_champion(version: str, settings: StoreSettings) -> None:
    """Give a model that was just pinned the alias of the one that is served, if MLflow knows it.

    What serves does not wait for what remembers: where MLflow does not answer, that is a warning.
    """
    try:
        with _client(settings) as client:
            if registered := _find(client, version):
                client.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, registered.version)
    except TrackingFailed as error:
        logger.warning("MLflow was not told who serves: %s", error)


@contextmanager
def _client(settings: StoreSettings) -> Iterator[MlflowClient]:
    with tracking.translated(settings.mlflow):
        tracking.use(settings.mlflow, settings.output_dir)
        yield MlflowClient()


def _find(client: MlflowClient, version: str) -> ModelVersion | None:
    """Return the newest version of the registered model that was made from a bundle."""
    found = client.search_model_versions(f"name = '{REGISTERED_MODEL}' and tag.bundle_version = '{version}'")
    return max(found, key=lambda one: int(one.version), default=None)
