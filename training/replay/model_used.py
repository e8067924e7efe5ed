"""Finds the model of a prediction by version and digest, and opens it with its own contract.

The store is looked in first, then MLflow's registry. What the registry has is read in a folder of its own, so a replay
changes nothing.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.bundles import bundle, pin_history, versions
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import MANIFEST
from models.bundles.pins import BundleRef
from models.customer.contract import Contract
from models.customer.history import model_contract
from models.errors import DigestMismatch, VersionShort
from training.errors import TrackingFailed
from training.promotion import mlflow_registry
from training.replay.errors import ModelMissing
from training.settings import StoreSettings


@dataclass(frozen=True)
class ModelUsed:
    """A verified model, and what it was verified by."""

    bundle: Bundle
    """Its contract is the one that it was trained on."""
    digest: str
    """SHA-256 of its manifest."""
    named_by: str
    """What the digest was compared with."""


@contextmanager
def opened(version: str, settings: StoreSettings, today: Contract) -> Iterator[ModelUsed]:
    """Verify a model, and keep its files until the block ends.

    Raises:
        ModelMissing: it is neither in the store nor in the registry.
        BundleError: it failed verification.
    """
    if (settings.models_dir / "store" / version).is_dir():
        yield _verify(settings.models_dir, version, settings, today)
        return
    with tempfile.TemporaryDirectory() as scratch:
        _download(version, settings, Path(scratch))
        yield _verify(Path(scratch), version, settings, today)


def _download(version: str, settings: StoreSettings, models_dir: Path) -> None:
    looked_in = f"{settings.models_dir / 'store'} nor in MLflow's registry at {settings.mlflow}"
    try:
        folder = mlflow_registry.download(version, settings, models_dir)
    except TrackingFailed as error:
        raise ModelMissing(version=version, looked_in=f"{looked_in}, which does not respond") from error
    if folder is None:
        raise ModelMissing(version=version, looked_in=looked_in)
    (models_dir / "store").mkdir()
    folder.rename(models_dir / "store" / version)


def _verify(models_dir: Path, version: str, settings: StoreSettings, today: Contract) -> ModelUsed:
    path = models_dir / "store" / version / MANIFEST
    manifest, found = bundle.read_manifest(path), bundle.digest(path)
    own = model_contract.own(manifest.fingerprint, manifest.features, today)
    changes = [change for change in pin_history.read(settings.models_dir).changes if change.version == version]
    named = BundleRef(version=version, digest=changes[-1].digest if changes else found)
    loaded = bundle.load(models_dir, contract=own, named=named, without_customers=True)
    if changes:
        return ModelUsed(loaded, found, "the history of the pin")
    if not versions.is_identified(version):
        raise VersionShort(version=version, digits=versions.DIGITS)
    if not version.endswith(content := versions.identify(manifest.description, manifest.files)):
        raise DigestMismatch(path=path, expected=version.rpartition("-")[2], found=content)
    return ModelUsed(loaded, found, "the digits of its version")
