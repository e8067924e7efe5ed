"""Removes retired bundles from the store, if MLflow has them, so that predictions can still be replayed years later.

The pinned models, and the earlier champion to which a rollback goes, are always kept. Before a bundle is removed, its
copy is downloaded and verified: a registered version says only that there was one.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models import durations
from models.bundles import bundle, pin_changes, pin_history, pins
from models.bundles.format.bundle_files import MANIFEST
from models.bundles.pin_history import PinChange
from models.errors import BundleError
from training.errors import TrackingFailed
from training.promotion import mlflow_registry, rollback
from training.promotion.errors import HistoryUnclear, NoSuchModel
from training.replay.settings import RetireSettings


@dataclass(frozen=True)
class Retired:
    """What became of the bundles that are old enough."""

    removed: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]
    """Those of which MLflow has no whole copy, with what is wrong there."""

    @property
    def sentences(self) -> str:
        """The result, one fact per line."""
        lines = [f"removed {len(self.removed)} bundles from the store"]
        lines += [f"  {version}" for version in self.removed]
        lines += [f"  {version} is kept: {problem}" for version, problem in self.kept]
        return "\n".join(lines)


def retire(settings: RetireSettings, *, now: datetime | None = None) -> Retired:
    """Remove the bundles that the settings do not keep; each copy is downloaded into a temporary folder.

    Raises:
        BundleError: the pin cannot be read, so it is not known what serves; nothing was removed.
        HistoryUnclear: it is not known what served when; nothing was removed.
        TrackingFailed: MLflow does not respond; nothing was removed.
    """
    if settings.keep_for is None:
        return Retired((), ())
    until = (now or datetime.now(UTC)) - durations.parse(settings.keep_for)
    old = _unused_since(until, settings)
    registered = mlflow_registry.versions(settings)
    problems = {version: _why_not_safe(version, registered, settings) for version in old}
    safe, removed = {version for version, problem in problems.items() if problem is None}, []
    with pin_changes.alone(settings.models_dir):
        for version in _unused_since(until, settings):  # again: the pin may have changed during the downloads
            if version in safe:
                shutil.rmtree(settings.models_dir / "store" / version)
                removed.append(version)
    return Retired(tuple(removed), tuple((version, why) for version, why in problems.items() if why is not None))


def _why_not_safe(version: str, registered: set[str], settings: RetireSettings) -> str | None:
    """Return what is wrong with MLflow's copy of a bundle; None if it is whole."""
    if version not in registered:
        return "MLflow's registry does not have it"
    store = settings.models_dir / "store" / version
    with tempfile.TemporaryDirectory() as scratch:
        try:
            copy = mlflow_registry.download(version, settings, Path(scratch))
            if copy is None or bundle.digest(copy / MANIFEST) != bundle.digest(store / MANIFEST):
                return "what MLflow's registry has is another bundle"
            for name, expected in bundle.read_manifest(copy / MANIFEST).files.items():
                if bundle.digest(copy / name) != expected:
                    return f"its copy in MLflow is damaged: {name}"
        except (BundleError, TrackingFailed) as error:
            return f"its copy in MLflow cannot be read: {error}"
    return None


def _unused_since(until: datetime, settings: RetireSettings) -> list[str]:
    pin, history = pins.read(settings.models_dir), pin_history.read(settings.models_dir)
    if history.problems or not history.changes:
        raise HistoryUnclear(
            path=settings.models_dir / pin_history.HISTORY,
            problem="it does not say which models served when",
            remedy=", and delete lines that cannot be read",
        )
    needed = {pin.version, *([pin.challenger.version] if pin.challenger else [])}
    with contextlib.suppress(NoSuchModel):
        needed.add(rollback.earlier(settings.models_dir))
    used, found = _last_use(history.changes), []
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
