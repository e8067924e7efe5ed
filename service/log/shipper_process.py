"""Keeps the shipper process running beside the service, and lets it finish when the service ends."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from service.log.spool import NO_SHIPPER, Spool

logger = logging.getLogger(__name__)
COMMAND = [sys.executable, "-m", "service.log.shipper"]
RESTART_SECONDS, LAST_SECONDS = 1.0, 4.0
"""Pause before an ended shipper is replaced, and wait before one that does not end is killed; its pages stay on
disk."""
STEADY_SECONDS = 2.0
"""Age from which on a shipper counts as running."""


@contextmanager
def running(spool: Spool) -> Iterator[None]:
    """Run a shipper as long as the context lasts; it reads its settings from the environment.

    While there is none, the spool explains why its pages wait, which /health repeats.
    """
    shipping = _Shipping(spool)
    try:
        yield
    finally:
        shipping.end()


class _Shipping:
    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._keep_running, name="shipping", daemon=True)
        self._watch.start()

    def end(self) -> None:
        """Close its input, so that it ships the remaining pages and ends."""
        self._ending.set()
        process = self._process
        if process is None:
            return
        with suppress(OSError):
            process.stdin and process.stdin.close()
        try:
            process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _keep_running(self) -> None:
        while not self._ending.is_set():
            problem = self._run()
            if self._ending.is_set():
                return
            self._explain(f"{NO_SHIPPER}: {problem}")
            logger.error("the shipper of the prediction log %s; starting another", problem)
            self._ending.wait(RESTART_SECONDS)

    def _run(self) -> str:
        """Run a shipper until it ends, and return what happened to it."""
        try:
            self._process = process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE)
            if self._ending.is_set():  # meanwhile
                process.stdin and process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                return f"ended with {process.wait(STEADY_SECONDS)}"
            if self._spool.explanation().startswith(NO_SHIPPER):
                self._explain("")
            return f"ended with {process.wait()}"
        except Exception as error:  # whatever it is, for example a lack of descriptors or memory, the next try may work
            logger.debug("no shipper", exc_info=True)
            return f"cannot start ({getattr(error, 'strerror', None) or error})"

    def _explain(self, problem: str) -> None:
        with suppress(OSError):  # a disk that is full
            self._spool.explain(problem)
