"""How the service ends, and what it does when told to look for a new model.

SIGTERM ends it in two steps: it says that it is not ready, and closes connections as it answers, while load balancers
look elsewhere; after that the server itself ends, when the last request is answered. SIGINT, from a keyboard, skips
the first step, at any time.
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
    """Whether the service is about to end."""

    def __init__(self, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self.draining = False

    @contextmanager
    def on_signals(self, hang_up: Callable[[], None]) -> Iterator[None]:
        """Take SIGTERM from the server, and call `hang_up` at SIGHUP; only the main thread gets signals at all."""
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
            if not self.draining:  # a worker is told twice where the signal goes to all processes of the service
                self.draining = True
                logger.info("not ready any more; ending in %g s", self._drain_seconds)
                loop.call_later(self._drain_seconds, end)

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        loop.add_signal_handler(signal.SIGTERM, drain)
        yield
        loop.remove_signal_handler(signal.SIGHUP)
