"""Waiting for something that another thread or process does."""

import socket
import time
from collections.abc import Callable


def wait_until(claim: Callable[[], object], seconds: float = 120) -> None:
    """Ask until it is so; fail when it takes longer."""
    limit = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < limit
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    """Return whether something listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
