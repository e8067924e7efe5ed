"""Repeats work in a thread, so that a slow or silent server delays nothing else."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOP_SECONDS = 2.0
"""Time that work in progress has at the end."""


@contextmanager
def repeating(work: Callable[[], float | None], *, name: str, pause_seconds: float) -> Iterator[Callable[[], None]]:
    """Repeat the work until the context closes; yields a function that asks for it at once.

    The work returns the seconds until it is due again, at most `pause_seconds`; None for `pause_seconds`. It must not
    raise.
    """
    wanted, stopped = threading.Event(), threading.Event()

    def repeat() -> None:
        while not stopped.is_set():
            pause = work()
            wanted.wait(pause_seconds if pause is None else min(pause, pause_seconds))
            wanted.clear()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield wanted.set
    finally:
        stopped.set()
        wanted.set()
        thread.join(STOP_SECONDS)
