"""Waiting for something that another thread or process does."""

import time
from collections.abc import Callable


def wait_until(claim: Callable[[], object], seconds: float = 10) -> None:
    """Ask until it is so; fail when it takes longer."""
    limit = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < limit
        time.sleep(0.02)
