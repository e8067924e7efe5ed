"""Keeps the shipper process running beside the service, and lets it finish when the service ends."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

logger = logging.getLogger(__name__)
COMMAND = [sys.executable, "-m", "service.log.shipper"]
RESTART_SECONDS, LAST_SECONDS = 1.0, 4.0
"""Pause before an ended shipper is replaced, and wait before one that does not end is killed; its pages stay on
disk."""


@contextmanager
def running() -> Iterator[None]:
    """Run a shipper as long as the context lasts; it reads its settings from the environment."""
    shipping = _Shipping()
    try:
        yield
    finally:
        shipping.end()


class _Shipping:
    def __init__(self) -> None:
        self._ending = threading.Event()
        self._process = self._start()
        self._watch = threading.Thread(target=self._replace, name="shipping", daemon=True)
        self._watch.start()

    def end(self) -> None:
        """Close its input, so that it ships the remaining pages and ends."""
        self._ending.set()
        process = self._process
        with suppress(OSError):
            process.stdin and process.stdin.close()
        try:
            process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(COMMAND, stdin=subprocess.PIPE)

    def _replace(self) -> None:
        while True:
            code = self._process.wait()
            if self._ending.wait(RESTART_SECONDS):
                return
            logger.error("the shipper of the prediction log ended with %s; starting another", code)
            self._process = self._start()
