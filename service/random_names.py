"""Random names for requests and predictions, as unique as UUIDs and as hard to guess.

The system is asked for many at a time: one at a time, asking takes longer than checking a customer. Knows nothing of
what is named.
"""

import os

_BYTES, _DRAWN = 16, 256
_pool: list[str] = []
os.register_at_fork(after_in_child=_pool.clear)  # two processes must not give the same names


def draw() -> str:
    """Return a new name, 32 hex digits; safe to call from any thread."""
    try:
        return _pool.pop()
    except IndexError:
        drawn, *others = draw_many(_DRAWN)
        _pool.extend(others)
        return drawn


def draw_many(count: int) -> list[str]:
    """Return so many new names."""
    digits, width = os.urandom(_BYTES * count).hex(), 2 * _BYTES
    return [digits[at : at + width] for at in range(0, width * count, width)]
