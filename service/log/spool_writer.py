"""The thread that writes the prediction log to disk."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.log.prediction_log import SpooledLog

logger = logging.getLogger(__name__)
WRITE_SECONDS, LOOK_SECONDS, TRAFFIC_SECONDS = 0.5, 1.0, 10.0
"""Pauses between two pages, between two checks of the backlog, and between two rows of traffic."""


@contextmanager
def running(log: SpooledLog) -> Iterator[None]:
    """Write as long as the context lasts, and write all remaining rows at its end."""
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
                # After an outage of days the spool has a hundred thousand pages, and a check takes long.
                look_at = now + max(LOOK_SECONDS, 20 * (time.monotonic() - now))
            if now >= traffic_at:
                traffic_at = now + TRAFFIC_SECONDS
                log.write_traffic()
        except Exception:  # on any error, predictions and the log continue
            logger.exception("the prediction log failed")
