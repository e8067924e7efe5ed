"""Reads from a request's headers and address which client sends it, and to which host."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

_IPV6_PREFIX = 64
_LONGEST_BYTES = 255
"""Of a host's name; longer ones are not kept in memory."""
_CACHED = 1_024
Headers = Iterable[tuple[bytes, bytes]]


class Hosts:
    """Names that the header Host may have; `*.example.com` is every name below it, `*` is every name."""

    def __init__(self, names: Iterable[str]) -> None:
        names = [name.lower() for name in names]
        self._names = frozenset(name for name in names if not name.startswith("*"))
        self._endings = tuple(name.removeprefix("*") for name in names if name.startswith("*"))
        self._known = lru_cache(_CACHED)(self._admits)

    def admits(self, host: bytes) -> bool:
        """Return whether a header's value is one of the names, with any port."""
        return len(host) <= _LONGEST_BYTES and self._known(host)

    def _admits(self, host: bytes) -> bool:
        name = host.decode("latin-1").lower()
        if not name.endswith("]"):  # an IPv6 address without a port
            name = name.rpartition(":")[0] or name
        return name in self._names or (bool(self._endings) and name.endswith(self._endings))


def find_host(headers: Headers) -> bytes:
    """Return the header Host; empty if it is missing."""
    for name, value in headers:  # a generator would cost twice as much
        if name == b"host":
            return value
    return b""


def find_key(headers: Headers) -> bytes | None:
    """Return the key of a request, from whichever of its two headers comes first; None if it has none."""
    for name, value in headers:
        if name == b"x-api-key":
            return value
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip()
    return None


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network that one IPv6 client has.

    >>> network_of("2001:db8::1:2:3:4")
    '2001:db8::'
    """
    return _network(address) if ":" in address and len(address) <= _LONGEST_BYTES else address[:_LONGEST_BYTES]


@lru_cache(_CACHED)
def _network(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:  # a socket of another kind
        return address
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed, _IPV6_PREFIX), strict=False).network_address)
