"""Reads bundles from MLflow's model registry, and logs the results of the gate there."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from training.errors import TrackingFailed
from training.promotion.gate_result import GateResult
from training.publishing import run_description, tracking, tracking_errors
from training.publishing.tracking import REGISTERED_MODEL
from training.settings import StoreSettings

logger = logging.getLogger(__name__)


def versions(settings: StoreSettings) -> set[str]:
    """Return the versions of all registered bundles; none if there is no database, which is not made.

    Raises:
        TrackingFailed: MLflow does not respond.
    """
    if _has_no_database(settings):
        return set()
    with _client(settings) as client:
        found, token = set(), None
        while True:
            page = client.search_model_versions(f"name = '{REGISTERED_MODEL}'", page_token=token)
            found |= {one.tags["bundle_version"] for one in page if "bundle_version" in one.tags}
            if not (token := page.token):
                return found


def download(version: str, settings: StoreSettings, folder: Path) -> Path | None:
    """Download a bundle from the registry into a folder, and return its path; None if there is no such version.

    Raises:
        TrackingFailed: MLflow does not respond.
    """
    if _has_no_database(settings):
        return None
    with _client(settings) as client:
        if (registered := _find(client, version)) is None:
            return None
        return Path(mlflow.artifacts.download_artifacts(f"runs:/{registered.run_id}/bundle", dst_path=str(folder)))


def record(verdict: GateResult, report: str, settings: StoreSettings) -> None:
    """Log the result of the gate to the challenger's version and its run; to a new run if MLflow has none of the fit.

    Raises:
        TrackingFailed: MLflow did not accept it.
    """
    with _client(settings) as client:
        registered = _find(client, verdict.challenger)
        name = f"gate {verdict.challenger}"
        with mlflow.start_run(run_id=registered.run_id) if registered else mlflow.start_run(run_name=name):
            gains = {f"gate/{metric}_gain": gain.better_by.value for metric, gain in verdict.gains.items()}
            lows = {f"gate/{metric}_gain_low": gain.better_by.low for metric, gain in verdict.gains.items()}
            mlflow.log_metrics(gains | lows)
            tags = {"gate": verdict.decision, "gate.champion": verdict.champion}
            mlflow.set_tags(tags)
            mlflow.log_text(report, "gate.md")
        if registered:
            number = registered.version
            for key, value in tags.items():
                client.set_model_version_tag(REGISTERED_MODEL, number, key, value)
            described = run_description.with_gate(registered.description or "", report)
            client.update_model_version(REGISTERED_MODEL, number, described)


def mark_champion(version: str, settings: StoreSettings) -> None:
    """Set the alias `champion` to a model that was just pinned, if it is registered.

    If MLflow does not respond, this is only a warning, because serving does not depend on MLflow.
    """
    try:
        with _client(settings) as client:
            if registered := _find(client, version):
                tracking.mark_champion(client, registered.version)
    except TrackingFailed as error:
        logger.warning("the alias champion in MLflow was not set: %s", error)


def _has_no_database(settings: StoreSettings) -> bool:
    """Return whether MLflow's SQLite file is absent: opening it would make it, a lock and the output folder."""
    kind, _, path = settings.mlflow.partition(":///")
    return kind == "sqlite" and not Path(path.partition("?")[0]).exists()


@contextmanager
def _client(settings: StoreSettings) -> Iterator[MlflowClient]:
    with tracking_errors.convert(settings.mlflow):
        tracking.configure(settings.mlflow, settings.output_dir)
        yield MlflowClient()


def _find(client: MlflowClient, version: str) -> ModelVersion | None:
    """Return the newest registered version of a bundle."""
    found = client.search_model_versions(f"name = '{REGISTERED_MODEL}' and tag.bundle_version = '{version}'")
    return max(found, key=lambda one: int(one.version), default=None)
