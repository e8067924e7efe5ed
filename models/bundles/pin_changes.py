"""Changes the pin: one process at a time, the history first, so that no model is served that is not in it.

A process may be killed between the two files. It leaves the file `pinned.begun`, and the next change then adds a `void`
line for the change without effect. A pin that was changed by hand is left as it is, and takes nothing back.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.bundles import pin_history, pin_lock, pins
from models.bundles.format import plain_files
from models.bundles.pin_history import Change, PinChange
from models.bundles.pins import BundleRef, Pin
from models.errors import BundleError, NothingPinned, StoreUnwritable

logger = logging.getLogger(__name__)

BEGUN = "pinned.begun"
"""File with the change that is being made, while it is made."""


@dataclass(frozen=True)
class LockedPin:
    """The pin while no other process may change it."""

    models_dir: Path

    def write(self, pin: Pin, *, about: BundleRef, change: Change, why: str) -> None:
        """Add the change to the history and write the pin; `about` is the model that is added or removed.

        Raises:
            StoreUnwritable: one of the files cannot be written; without the pin, the change has no effect.
        """
        path, begun = self.models_dir / pins.PINNED, self.models_dir / BEGUN
        event = _event(about, change, why)
        try:
            plain_files.replace(begun, pin_history.to_line(event))
            pin_history.append(event, self.models_dir)
            plain_files.replace(path, pin.model_dump_json(indent=2, exclude_none=True).encode() + b"\n")
            begun.unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnwritable(path=path, problem=error.strerror or str(error)) from error


@contextmanager
def alone(models_dir: Path) -> Iterator[LockedPin]:
    """Lock the pin until the block ends, and record if the last change was interrupted.

    Raises:
        PinLocked: another process held the lock for too long.
        StoreUnwritable: the folder cannot be written to.
    """
    with pin_lock.alone(models_dir):
        _void_interrupted(models_dir)
        yield LockedPin(models_dir)


def write(pin: Pin, *, about: BundleRef, change: Change, why: str, models_dir: Path) -> None:
    """Change the pin, whatever it was.

    Raises:
        PinLocked, StoreUnwritable: as for `alone`; nothing was changed.
    """
    with alone(models_dir) as locked:
        locked.write(pin, about=about, change=change, why=why)


def _void_interrupted(models_dir: Path) -> None:
    """Take the last change back if it was interrupted, and warn if the pin was changed by hand."""
    try:
        pin: Pin | None = pins.read(models_dir)
    except NothingPinned:
        pin = None
    except BundleError:
        return  # cannot tell
    begun = models_dir / BEGUN
    try:
        if (last := pin_history.read(models_dir).differing(pin)) is not None:
            if _is_begun(begun, last):
                why = f"the change before ({last.change}) was interrupted and had no effect"
                pin_history.append(_event(last, "void", why), models_dir)
            else:
                why = f"pinned.json was changed by hand after the last change ({last.change})"
            logger.warning("%s at %s: %s", last.version, last.at, why)
        begun.unlink(missing_ok=True)
    except OSError as error:
        path = models_dir / pin_history.HISTORY
        raise StoreUnwritable(path=path, problem=error.strerror or str(error)) from error


def _is_begun(begun: Path, change: PinChange) -> bool:
    try:
        return plain_files.read(begun, largest_bytes=pin_history.LARGEST_BYTES) == pin_history.to_line(change)
    except OSError:
        return False


def _event(about: BundleRef, change: Change, why: str) -> PinChange:
    now = datetime.now(UTC).replace(microsecond=0)
    return PinChange(version=about.version, digest=about.digest, at=now, change=change, why=why)
