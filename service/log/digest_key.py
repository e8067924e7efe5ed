"""The key of the digests in the prediction log: created once, and kept in the output folder.

A digest that needs no key could be guessed, because there are few possible inputs and ids of customers.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

KEY, KEY_BYTES = "inputs.key", 32


def find(folder: Path) -> bytes:
    """Return the key, and create it if there is none.

    Raises:
        OSError, ValueError: it cannot be read or created, or is damaged.
    """
    return _read(folder / KEY) or _create(folder / KEY)


def _read(path: Path) -> bytes | None:
    """Return the key; None if there is none yet."""
    if not path.exists():
        return None
    if not path.is_file():
        raise ValueError("it is not a file; remove it, or put the key back")
    with path.open("rb") as file:
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES or not any(key):
        raise ValueError(
            f"it is damaged: a key is {KEY_BYTES} random bytes; put it back from a backup, or remove it, and new "
            "digests will not be comparable with earlier ones"
        )
    return key


def _create(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")  # a process id may come again, as in a container
    try:
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(own)  # if several workers start, all use the key of the first
    finally:
        with suppress(OSError):
            own.unlink(missing_ok=True)
    key = _read(path)
    if key is None:
        raise ValueError("it was removed while it was created")
    return key
