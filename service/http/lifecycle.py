"""Handles signals: a graceful shutdown on SIGTERM, a check for a new model on SIGHUP.

SIGTERM shuts the service down in two steps. First it drains: it reports that it is not ready and closes connections
after each answer, while load balancers switch to other instances. Then the server ends when the last request is
answered. SIGINT, from a keyboard, skips the first step at any time.
"""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class Lifecycle:
    """Whether the service is shutting down."""

    def __init__(self, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self.draining = False

    @contextmanager
    def on_signals(self, hang_up: Callable[[], None]) -> Iterator[None]:
        """Handle SIGTERM instead of the server, and call `hang_up` at SIGHUP; only the main thread receives signals."""
        if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        of_the_server = signal.getsignal(signal.SIGTERM)

        def end() -> None:
            loop.remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, of_the_server)
            signal.raise_signal(signal.SIGTERM)

        def drain() -> None:
            if not self.draining:  # a worker receives it twice if the signal goes to all processes of the service
                self.draining = True
                logger.info("not ready any more; shutting down in %g s", self._drain_seconds)
                loop.call_later(self._drain_seconds, end)

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        loop.add_signal_handler(signal.SIGTERM, drain)
        yield
        loop.remove_signal_handler(signal.SIGHUP)
