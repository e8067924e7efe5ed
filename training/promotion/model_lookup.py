"""Finds models that are not served, the newest or by version, in the store or else in MLflow's registry.

A model is returned only after it was verified and has made a test prediction.
"""

import logging
import tempfile
from pathlib import Path
from typing import Protocol

from models.bundles import bundle, pin_history, versions
from models.bundles.bundle import Bundle
from models.bundles.pins import BundleRef
from models.bundles.scorer import Scorer
from models.customer.contract import Contract
from models.errors import BundleMissing, VersionUnclear
from training.promotion import mlflow_registry
from training.promotion.errors import NoSuchModel
from training.settings import StoreSettings

logger = logging.getLogger(__name__)


class VersionSettings(Protocol):
    """Settings of a command that takes a version."""

    @property
    def models_dir(self) -> Path: ...  # noqa: D102  # as in StoreSettings
    @property
    def version(self) -> str | None: ...  # noqa: D102  # as in the settings of each command


def choose(settings: VersionSettings, *, but: str | None = None) -> str:
    """Return the version that the settings name or begin, or else the version of the newest bundle, except `but`.

    A beginning is looked up in the store and the history. What is in neither is returned unchanged: the registry may
    have it.

    Raises:
        VersionUnclear: several versions begin so.
        NoSuchModel: no version is named, and the store holds no other model.
    """
    if settings.version is None:
        return _newest(settings.models_dir, but=but)
    stored = [path.parent.name for path in _manifests(settings.models_dir)]
    known = {*stored, *(change.version for change in pin_history.read(settings.models_dir).changes)}
    return _complete(settings.version, known)


def fetch(version: str, settings: StoreSettings, contract: Contract) -> Bundle:
    """Verify a model and make a test prediction; a model that the store lacks is downloaded from the registry.

    Raises:
        BundleError: the model failed verification, or is in neither place.
        TrackingFailed: the model is not in the store, and MLflow does not respond.
    """
    try:
        found = _find(settings.models_dir, version, settings, contract)
    except BundleMissing:
        version = _download(version, settings, contract)
        found = _find(settings.models_dir, version, settings, contract)
    Scorer.of(found).check(found.contract)
    return found


def _complete(beginning: str, known: set[str]) -> str:
    """Return the one version that begins so; the beginning itself if there is none, or if it is a version."""
    candidates = sorted(version for version in known if version.startswith(beginning))
    if len(candidates) > 1 and beginning not in candidates:
        raise VersionUnclear(beginning=beginning, candidates=candidates)
    return beginning if beginning in candidates or not candidates else candidates[0]


def _newest(models_dir: Path, *, but: str | None) -> str:
    manifests = [path for path in _manifests(models_dir) if path.parent.name != but]
    if not manifests:
        raise NoSuchModel(problem=f"the store holds no model{' except the champion' if but else ''}")
    return max(manifests, key=lambda path: path.stat().st_mtime_ns).parent.name


def _manifests(models_dir: Path) -> list[Path]:
    return list((models_dir / "store").glob("*/manifest.json"))


def _find(models_dir: Path, version: str, settings: StoreSettings, contract: Contract) -> Bundle:
    """Verify a bundle by its content, or by the digest in the history if its version is of the short kind."""
    if versions.is_identified(version) or (named := _last_named(version, settings)) is None:
        return bundle.find(models_dir, version, contract=contract)
    return bundle.load(models_dir, contract=contract, named=named)


def _last_named(version: str, settings: StoreSettings) -> BundleRef | None:
    changes = [change for change in pin_history.read(settings.models_dir).changes if change.version == version]
    return changes[-1] if changes else None


def _download(version: str, settings: StoreSettings, contract: Contract) -> str:
    """Download a bundle from the registry, and return its version; it is moved to the store only after verification."""
    store = settings.models_dir / "store"
    store.mkdir(parents=True, exist_ok=True)
    if version not in (known := mlflow_registry.versions(settings)):
        version = _complete(version, known)
    with tempfile.TemporaryDirectory(dir=store, prefix=".fetching-") as scratch:
        fetched = Path(scratch) / "store" / version
        if (folder := mlflow_registry.download(version, settings, Path(scratch))) is not None:
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            fetched.parent.mkdir()
            folder.rename(fetched)
            _find(Path(scratch), version, settings, contract)
            logger.info("downloaded %s from MLflow's registry to the store", version)
            fetched.rename(store / version)
    return version
