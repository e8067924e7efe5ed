"""Memory for the request bodies that are being read: shared fairly, and taken back from clients that stop sending.

One client must not hold all of it by leaving bodies unfinished. A client gets a share at most. If there is no room, an
unfinished body makes room: one that is too slow, or else the slowest of the client that holds most, for a client that
holds less. Small bodies are not counted; the number of connections limits them.
"""

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic

from service.errors import Overloaded

SMALL_BYTES = 16_384
"""Largest body that is not counted."""
CLIENT_SHARE = 0.5
"""Share of the memory that one client may hold. It is large, because behind a proxy all clients have one address."""
LEAST_BYTES_PER_SECOND = 65_536
"""A body that grows more slowly makes room for others."""
WINDOW_SECONDS = 1.0


@dataclass(eq=False)
class Reading:
    """One body that is being read, or that waits for its work."""

    client: str
    deadline: asyncio.Timeout
    """Ends the reading."""
    size_bytes: int = 0
    held_bytes: int = 0
    """The part of its size that is counted."""
    is_complete: bool = False
    _since: float = field(default_factory=monotonic)
    bytes_per_second: float = math.inf
    """Its pace in the last window; infinite in the first."""
    _window_bytes: int = 0

    def grow(self, new_bytes: int) -> None:
        """Note what came."""
        now = monotonic()
        if now - self._since >= WINDOW_SECONDS:
            self.bytes_per_second = self._window_bytes / (now - self._since)
            self._since, self._window_bytes = now, 0
        self._window_bytes += new_bytes
        self.size_bytes += new_bytes

    def is_slow(self) -> bool:
        """Return whether it may make room even for its own client."""
        stands_still = monotonic() - self._since >= 2 * WINDOW_SECONDS
        return stands_still or self.bytes_per_second < LEAST_BYTES_PER_SECOND


class BodyMemory:
    """The memory of one app."""

    def __init__(self, size_bytes: int) -> None:
        self._free_bytes = size_bytes
        self._share_bytes = size_bytes * CLIENT_SHARE
        self._by_client: Counter[str] = Counter()
        self._readings: dict[Reading, None] = {}

    def hold(self, reading: Reading, new_bytes: int) -> None:
        """Hold memory for the next part of a body.

        Raises:
            Overloaded: there is no room, and no body that could make room.
        """
        reading.grow(new_bytes)
        if reading.size_bytes <= SMALL_BYTES:
            return
        new_bytes = reading.size_bytes - reading.held_bytes
        while self._by_client[reading.client] + new_bytes > self._share_bytes:
            self._end_one(self._slow(reading, reading.client))
        while new_bytes > self._free_bytes:
            self._end_one(self._slow(reading) or self._others_of_larger(reading, new_bytes))
        self._take(reading, new_bytes)
        self._readings[reading] = None

    def free(self, reading: Reading) -> None:
        """Give back the memory of a body."""
        self._take(reading, -reading.held_bytes)
        self._readings.pop(reading, None)

    def _take(self, reading: Reading, new_bytes: int) -> None:
        reading.held_bytes += new_bytes
        self._free_bytes -= new_bytes
        self._by_client[reading.client] += new_bytes
        if not self._by_client[reading.client]:
            del self._by_client[reading.client]

    def _slow(self, newcomer: Reading, client: str | None = None) -> list[Reading]:
        """List what is too slow, of one client or of all."""
        return [found for found in self._unfinished(newcomer) if found.is_slow() and client in (None, found.client)]

    def _others_of_larger(self, newcomer: Reading, new_bytes: int) -> list[Reading]:
        """List what belongs to clients that hold more than the newcomer's client would hold."""
        wanted_bytes = self._by_client[newcomer.client] + new_bytes
        return [found for found in self._unfinished(newcomer) if self._by_client[found.client] > wanted_bytes]

    def _unfinished(self, newcomer: Reading) -> list[Reading]:
        return [found for found in self._readings if found is not newcomer and not found.is_complete]

    def _end_one(self, found: list[Reading]) -> None:
        """End the slowest reading of the client that holds most."""
        if not found:
            raise Overloaded(reason="memory")
        ended = max(found, key=lambda reading: (self._by_client[reading.client], -reading.bytes_per_second))
        self.free(ended)
        ended.deadline.reschedule(asyncio.get_running_loop().time())
