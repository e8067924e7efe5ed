"""The thread that writes the prediction log to disk."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from service.log.prediction_log import SpooledLog

logger = logging.getLogger(__name__)
WRITE_SECONDS, LOOK_SECONDS, TRAFFIC_SECONDS, REFUSED_SECONDS = 0.5, 1.0, 10.0, 1.0
"""Pauses between two pages, between two checks of the backlog, and between two rows of traffic, which come earlier if a
request was refused: monitoring shall count it as soon as it sees the predictions of the same time."""


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
        _try(log.close)


def _write(log: SpooledLog, end: threading.Event) -> None:
    look_at = traffic_at = refused_at = 0.0
    while not end.wait(WRITE_SECONDS):
        now = time.monotonic()
        _try(log.write)
        if now >= look_at:
            _try(log.look)
            # After an outage of days the spool has a hundred thousand pages, and a check takes long.
            look_at = now + max(LOOK_SECONDS, 20 * (time.monotonic() - now))
        if now >= traffic_at:
            traffic_at, refused_at = now + TRAFFIC_SECONDS, now + REFUSED_SECONDS
            _try(log.write_traffic)
        elif now >= refused_at:
            refused_at = now + REFUSED_SECONDS
            _try(partial(log.write_traffic, answered=False))


def _try(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:  # on any error, predictions and the other steps continue
        logger.exception("the prediction log failed")
