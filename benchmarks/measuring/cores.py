"""Pins the server and the load to different cores, so that neither takes time from the other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_USABLE = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
PINNED = len(_USABLE) > 1
"""Whether there are at least two cores; if not, nothing is pinned, and the results state that."""
SERVER, LOAD = (_USABLE[0], _USABLE[-1]) if PINNED else (None, None)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Pin this thread to a core inside the block; processes that it starts stay pinned. None changes nothing."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
