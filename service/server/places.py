"""Places for connections: how many a process may have, in all and from one address.

Descriptors are held back for everything else that a process opens: models, the log's pages, databases. A newcomer that
finds no place gets that of the oldest connection that waits for its client, of the same address if this address has
used up its share.
"""

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from service.access.clients import network_of

if sys.platform != "win32":
    import resource

MAX_CONNECTIONS = 8_192
"""Limit of open files, which also bounds memory."""
HELD_BACK = 512
"""Descriptors that connections never use. Listening takes 64, and as many connections may arrive in a turn of the event
loop before those that they replace are closed. Of a low limit, connections get a quarter all the same."""
ADDRESS_SHARE = 0.5
"""Share of the places that one address may take. It is large, because behind a proxy all clients have one address."""
CANDIDATES = 8
"""Connections that are looked at for one newcomer."""


class Holder(Protocol):
    """A connection that holds a place."""

    @property
    def may_leave(self) -> bool:
        """Whether the service has nothing to do for it."""

    def make_room(self) -> None:
        """Close the connection."""


class Places:
    """The connections of one process."""

    def __init__(self, most: int | None = None) -> None:
        """Allow `most` connections; by default as many as the limit of open files at the first connection allows."""
        self._most = most
        self._holders: dict[Holder, str] = {}
        self._by_address: dict[str, dict[Holder, None]] = {}

    def take(self, holder: Holder, host: str) -> bool:
        """Give a place to a connection from a host; return False if there is none."""
        if self._most is None:
            self._most = _find_most()
        address = network_of(host)
        neighbours = self._by_address.get(address, {})
        if len(neighbours) >= self._most * ADDRESS_SHARE and not self._make_room(neighbours):
            return False
        if len(self._holders) >= self._most and not self._make_room(self._holders):
            return False
        self._holders[holder] = address
        self._by_address.setdefault(address, {})[holder] = None
        return True

    def give_back(self, holder: Holder) -> None:
        """Free the place of a connection, if it has one."""
        address = self._holders.pop(holder, None)
        if address is None:
            return
        neighbours = self._by_address[address]
        del neighbours[holder]
        if not neighbours:
            del self._by_address[address]

    def _make_room(self, holders: Iterable[Holder]) -> bool:
        """Close the oldest connection that may leave; look at others the next time."""
        for holder in list(islice(holders, CANDIDATES)):
            address = self._holders[holder]
            self.give_back(holder)
            if holder.may_leave:
                holder.make_room()
                return True
            self._holders[holder] = address
            self._by_address.setdefault(address, {})[holder] = None
        return False


def raise_limit() -> None:
    """Raise the limit of open files, up to `MAX_CONNECTIONS`."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MAX_CONNECTIONS if most == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


def _find_most() -> int:
    if sys.platform == "win32":
        return MAX_CONNECTIONS - HELD_BACK
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MAX_CONNECTIONS if limit == resource.RLIM_INFINITY else limit
    return max(limit - HELD_BACK, limit // 4)
