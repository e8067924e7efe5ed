"""The thread that brings the prediction log to disk."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.log.prediction_log import SpooledLog

logger = logging.getLogger(__name__)
WRITE_SECONDS, LOOK_SECONDS, TRAFFIC_SECONDS = 0.5, 1.0, 10.0
"""Between two pages, between two looks at what waits, and between two rows of traffic."""


@contextmanager
def running(log: SpooledLog) -> Iterator[None]:
    """Write for as long as the context lasts, and all that is left in the end."""
    end = threading.Event()
    thread = threading.Thread(target=_write, args=(log, end), name="prediction-log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        log.close()


def _write(log: SpooledLog, end: threading.Event) -> None:
    look_at = traffic_at = 0.0
    while not end.wait(WRITE_SECONDS):
        now = time.monotonic()
        try:
            log.write()
            if now >= look_at:
                log.look()
                # A spool of an outage of days has a hundred thousand pages.
                look_at = now + max(LOOK_SECONDS, 20 * (time.monotonic() - now))
            if now >= traffic_at:
                traffic_at = now + TRAFFIC_SECONDS
                log.write_traffic()
        except Exception:  # whatever it is, predictions go on, and so does the log
            logger.exception("the prediction log failed")
