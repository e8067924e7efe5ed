"""Finds models that are not served, the newest or by version, in the store or else in MLflow's registry.

A model is returned only after it was verified and has made a test prediction.
"""

import logging
import tempfile
from pathlib import Path

from models.bundles import bundle, scorer
from models.bundles.bundle import Bundle
from models.bundles.scorer import Scorer
from models.customer.contract import Contract
from models.errors import BundleMissing
from training.promotion import mlflow_registry
from training.promotion.errors import NoSuchModel
from training.settings import StoreSettings

logger = logging.getLogger(__name__)


def newest(models_dir: Path, *, but: str | None = None) -> str:
    """Return the version of the bundle that was published last, except `but`.

    Raises:
        NoSuchModel: the store holds no other model.
    """
    manifests = [path for path in (models_dir / "store").glob("*/manifest.json") if path.parent.name != but]
    if not manifests:
        raise NoSuchModel(problem=f"the store holds no model{' except the champion' if but else ''}")
    return max(manifests, key=lambda path: path.stat().st_mtime_ns).parent.name


def fetch(version: str, settings: StoreSettings, contract: Contract) -> Bundle:
    """Verify a model and make a test prediction; a model that the store lacks is downloaded from the registry.

    Raises:
        BundleError: the model failed verification, or is in neither place.
        TrackingFailed: the model is not in the store, and MLflow does not respond.
    """
    try:
        found = bundle.find(settings.models_dir, version, fingerprint=contract.fingerprint)
    except BundleMissing:
        _download(version, settings, contract)
        found = bundle.find(settings.models_dir, version, fingerprint=contract.fingerprint)
    _probe(found, contract)
    return found


def _download(version: str, settings: StoreSettings, contract: Contract) -> None:
    """Download a bundle from the registry; it is moved to the store only after verification."""
    store = settings.models_dir / "store"
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store, prefix=".fetching-") as scratch:
        fetched = Path(scratch) / "store" / version
        if (folder := mlflow_registry.download(version, settings, Path(scratch))) is not None:
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            fetched.parent.mkdir()
            folder.rename(fetched)
            bundle.find(Path(scratch), version, fingerprint=contract.fingerprint)
            logger.info("downloaded %s from MLflow's registry to the store", version)
            fetched.rename(store / version)


def _probe(found: Bundle, contract: Contract) -> None:
    matrix = contract.to_matrix({name: [value] for name, value in contract.example.items()})
    scorer.probe(found.manifest.version, lambda: Scorer.of(found).score(matrix))
