"""Removes retired bundles from the store, if MLflow has them, so that predictions can still be replayed years later.

The pinned models, and the champion before, to which a rollback goes, are always kept.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from models import durations
from models.bundles import bundle, pin_changes, pin_history, pins
from models.bundles.format.bundle_files import MANIFEST
from models.bundles.pin_history import PinChange
from models.errors import BundleError
from training.promotion import mlflow_registry
from training.replay.settings import RetireSettings


@dataclass(frozen=True)
class Retired:
    """What became of the bundles that are old enough."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]
    """Those that only the store has."""

    @property
    def sentences(self) -> str:
        """The result, one fact per line."""
        lines = [f"removed {len(self.removed)} bundles from the store"]
        lines += [f"  {version}" for version in self.removed]
        lines += [f"  {version} is kept: MLflow's registry does not have it" for version in self.kept]
        return "\n".join(lines)


def retire(settings: RetireSettings, *, now: datetime | None = None) -> Retired:
    """Remove the bundles that the settings do not keep.

    Raises:
        BundleError: the pin cannot be read, so it is not known what serves; nothing was removed.
        TrackingFailed: MLflow does not respond; nothing was removed.
    """
    if settings.keep_for is None:
        return Retired((), ())
    until = (now or datetime.now(UTC)) - durations.parse(settings.keep_for)
    registered = mlflow_registry.versions(settings)
    with pin_changes.alone(settings.models_dir):
        old = _unused_since(until, settings)
        removed = tuple(version for version in old if version in registered)
        for version in removed:
            shutil.rmtree(settings.models_dir / "store" / version)
    return Retired(removed, tuple(version for version in old if version not in registered))


def _unused_since(until: datetime, settings: RetireSettings) -> list[str]:
    pin, changes = pins.read(settings.models_dir), pin_history.read(settings.models_dir).changes
    champions = [change.version for change in changes if change.is_of_champion and change.version != pin.version]
    needed = {pin.version, *champions[-1:], *([pin.challenger.version] if pin.challenger else [])}
    used, found = _last_use(changes), []
    for path in sorted((settings.models_dir / "store").glob(f"*/{MANIFEST}")):
        version = path.parent.name
        try:
            last = used.get(version) or bundle.read_manifest(path).trained_at
        except BundleError:
            continue  # nobody knows how old it is
        if version not in needed and last < until:
            found.append(version)
    return found


def _last_use(changes: Sequence[PinChange]) -> dict[str, datetime]:
    """Return until when each earlier champion and challenger was used."""
    used: dict[str, datetime] = {}
    champion = challenger = ""
    for change in changes:
        used[challenger] = change.at
        challenger = change.version if change.change == "challenge" else ""
        if change.is_of_champion:
            used[champion] = change.at
            champion = change.version
    return used
