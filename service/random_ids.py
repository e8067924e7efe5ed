"""Random ids for requests and rows, as unique and as hard to guess as UUIDs.

The random bytes of many ids are read together: reading them for each id takes longer than validating a customer.
"""

import os

from models.log import row_ids

_BYTES, _DRAWN = 16, 256
_pool: list[str] = []
os.register_at_fork(after_in_child=_pool.clear)  # two processes must not return the same ids


def draw() -> str:
    """Return a new id, 32 hex digits; safe to call from any thread."""
    try:
        return _pool.pop()
    except IndexError:
        drawn, *others = _draw_many(_DRAWN)
        _pool.extend(others)
        return drawn


def draw_ids(milliseconds: int, count: int) -> list[str]:
    """Return `count` new ids for rows of one time, in milliseconds since 1970: UUIDs of version 7 without hyphens."""
    time = row_ids.time_digits(milliseconds)
    names = [draw() for _ in range(count)] if count < _DRAWN // 4 else _draw_many(count)
    return [f"{time}7{name[:3]}8{name[3:18]}" for name in names]


def _draw_many(count: int) -> list[str]:
    digits, width = os.urandom(_BYTES * count).hex(), 2 * _BYTES
    return [digits[at : at + width] for at in range(0, width * count, width)]
