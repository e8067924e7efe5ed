"""The keys in force: those of the keys file, read again when it changes."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from anyio.to_thread import run_sync

from models.keys import Key, KeyRing
from service import audit
from service.access import keys_file
from service.errors import KeysUnreadable

logger = logging.getLogger(__name__)
PERIOD_SECONDS = 0.5


class KeyStore:
    """Holds the keys in force. A file that becomes invalid changes nothing, and /health reports it."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            KeysUnreadable: it is missing, unreadable or invalid.
        """
        self._path = path
        self._seen = _look(path)
        self._keys: Sequence[Key] = keys_file.read(path)
        self.ring = KeyRing(self._keys)
        self.problem: str | None = None
        """Why a changed file is not in force, and the remedy; None if it is."""
        audit.record("keys read", keys=[f"{key.name} {key.short}" for key in self._keys])

    async def follow(self) -> None:
        """Check twice a second, without end."""
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await run_sync(self.refresh)

    def refresh(self) -> None:
        """Read the file again if it has changed, or if it could not be read."""
        found = _look(self._path)
        if found == self._seen and self.problem is None:
            return
        self._seen = found
        try:
            keys = keys_file.read(self._path)
        except KeysUnreadable as error:
            if self.problem is None:
                logger.error("the keys of before stay in force: %s", error)  # noqa: TRY400  # no traceback
            # Clients must not see where this machine keeps its files.
            self.problem = f"The keys of before stay in force. {str(error).replace(str(self._path), self._path.name)}"
            return
        before, self._keys = self._keys, keys
        self.ring, self.problem = KeyRing(keys), None
        _record(before, keys)


def _record(before: Sequence[Key], now: Sequence[Key]) -> None:
    for change, keys, others in (("key revoked", before, now), ("key added", now, before)):
        for key in keys:
            if key not in others:
                audit.record(change, name=key.name, digest=key.short, scopes=key.scopes, expires=key.expires)


def _look(path: Path) -> tuple[int, ...]:
    """Identify the file by inode, size and time of change; empty if it is missing."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
