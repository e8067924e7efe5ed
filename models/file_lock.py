"""A lock that one process holds at a time, on a file of its own.

The operating system releases the lock when its process ends, however it ends. The empty lock file stays. Windows has
no such locks; there, nothing is locked.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PATIENCE_SECONDS = 20.0
"""Time that a change waits for others; each takes milliseconds."""
_LOOK_SECONDS = 0.02


@contextmanager
def held(path: Path, *, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock until the block ends; the folder must exist.

    Raises:
        TimeoutError: another process held it all the time.
        OSError: the file cannot be opened.
    """
    number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o666)
    try:
        limit = time.monotonic() + patience_seconds
        while not _take(number):
            if time.monotonic() > limit:
                raise TimeoutError(f"another process held {path} for {patience_seconds:g} s")
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        os.close(number)  # releases it


def _take(number: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
