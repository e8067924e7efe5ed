"""Watches the pin: refreshes the models at a signal, or when the pin or a file of a pinned bundle changes.

A model that could not be read because of the machine is tried again without a change, in growing pauses.
"""

import asyncio
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from anyio.to_thread import run_sync

from models.bundles import pins
from models.bundles.format.bundle_files import LARGEST_BYTES
from service.serving.served_model import ServedModel

logger = logging.getLogger(__name__)
PERIOD_SECONDS = 0.5
"""Pause between two checks."""
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 300.0
"""First and longest pause between two tries to read what this machine could not read; each is twice the one before."""


class PinWatch:
    """Refreshes the served models while `follow` runs."""

    def __init__(self, models_dir: Path, model: ServedModel) -> None:
        self._models_dir, self._model = models_dir, model
        self._called = asyncio.Event()
        self._seen = _look(models_dir)
        self._refresh()

    def call(self) -> None:
        """Refresh the models now, whether the pin has changed or not."""
        self._called.set()

    async def follow(self) -> None:
        """Check twice a second, without end; in a thread, so that a slow disk does not delay requests."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._called.wait(), PERIOD_SECONDS)
            try:
                await self._refresh_if_needed()
            except Exception:  # on any error, the served model and the watch continue
                logger.exception("could not check for a new model")

    async def _refresh_if_needed(self) -> None:
        found = await run_sync(_look, self._models_dir)
        if self._called.is_set() or found != self._seen:
            self._called.clear()
            self._seen = found
            await run_sync(self._refresh)
        elif self._model.to_retry and time.monotonic() >= self._retry_at:
            await run_sync(self._retry)

    def _refresh(self) -> None:
        self._model.refresh()
        self._pause_seconds = RETRY_SECONDS
        self._retry_at = time.monotonic() + self._pause_seconds

    def _retry(self) -> None:
        self._model.retry()
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_RETRY_SECONDS)
        self._retry_at = time.monotonic() + self._pause_seconds


def _look(models_dir: Path) -> frozenset[tuple[str, int, int, int]]:
    """Identify files by inode, size and time of change: a pin is replaced, and a bundle may be copied slowly."""
    return frozenset(
        (str(path), found.st_ino, found.st_size, found.st_mtime_ns)
        for path in _watched(models_dir)
        if (found := _stat(path)) is not None
    )


def _watched(models_dir: Path) -> Iterator[Path]:
    yield models_dir / "pinned.json"
    with suppress(Exception):  # the refresh reports what is wrong with the pin
        pin = pins.read(models_dir)
        for named in (pin, pin.challenger):
            if named is not None:
                yield from (models_dir / "store" / named.version / name for name in LARGEST_BYTES)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None
