"""A limit of requests or rows per second for each client, by token buckets.

A client may use the amount of one second at once. A large batch may take more than is left: it is answered, and the
client waits until that debt is paid.
"""

import math
import threading
import time
from typing import NamedTuple

from service.errors import TooManyRequests

MAX_CLIENTS = 10_000
"""Most clients in a table, about 2 MB; the one that was seen least recently is forgotten, and begins anew."""
_LEAST = 1 - 1e-9
"""What must be left to be admitted."""


class Client(NamedTuple):
    """Whom a limit counts."""

    name: str
    """Name of a key, or an address."""
    has_key: bool
    """Clients with keys have a table of their own, from which strangers cannot push them."""


class RateLimit:
    """Takes amounts from the clients' buckets, from any thread; 0.5 µs each."""

    def __init__(self, per_second: float, unit: str) -> None:
        """`unit` names what is limited, such as `requests`."""
        self._per_second, self._unit = per_second, unit
        self._with_keys: dict[str, tuple[float, float]] = {}  # amount that is left, and when; the least recent first
        self._strangers: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, client: Client, amount: float = 1) -> None:
        """Take an amount from the bucket of a client.

        Raises:
            TooManyRequests: nothing is left; the amount is not taken.
        """
        now, most = time.monotonic(), max(1.0, self._per_second)
        buckets = self._with_keys if client.has_key else self._strangers
        with self._lock:
            left, at = buckets.pop(client.name, (most, now))
            left = min(most, left + (now - at) * self._per_second)
            is_admitted = left >= _LEAST
            buckets[client.name] = (left - amount if is_admitted else left, now)
            if len(buckets) > MAX_CLIENTS:
                del buckets[next(iter(buckets))]
        if not is_admitted:
            wait = max(1, math.ceil((_LEAST - left) / self._per_second))
            raise TooManyRequests(limit=self._per_second, unit=self._unit, wait_seconds=wait)
