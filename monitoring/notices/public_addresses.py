"""Finds the addresses of a webhook's host, and refuses those that are not on the public internet.

The connection then goes to one of these addresses, and the name is not looked up again. So a name that changes its
address in between (DNS rebinding) does not lead into the private network.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from monitoring.notices.errors import AddressRefused, HostUnknown
from monitoring.webhook import Endpoint

Lookup = Callable[..., Sequence[Any]]
"""`socket.getaddrinfo`, or a fake of it."""
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_OTHERS = (
    (IPv4Network("192.0.0.0/24"), "reserved"),  # `is_global` is true for most of it before Python 3.12
    (IPv4Network("192.88.99.0/24"), "reserved"),
    (IPv4Network("168.63.129.16/32"), "the platform address of Azure's virtual machines"),
    (IPv6Network("2002::/16"), "a 6to4 address"),  # holds an IPv4 address
    (IPv6Network("3fff::/20"), "reserved"),
)
"""Networks that `is_global` takes for public."""


@dataclass(frozen=True)
class Address:
    """An address to connect to."""

    family: int
    socket_address: tuple[Any, ...]

    @property
    def ip(self) -> str:
        """The IP address alone."""
        return str(self.socket_address[0])


def find(endpoint: Endpoint, *, allow_private: bool, lookup: Lookup = socket.getaddrinfo) -> Sequence[Address]:
    """Look the host up once, and return its addresses, in the order of preference.

    Raises:
        HostUnknown: it has no address.
        AddressRefused: one of its addresses is not public, and `allow_private` is false.
    """
    try:
        found = lookup(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not the name of a host"
        raise HostUnknown(endpoint=endpoint, problem=problem or "it has no address") from error
    addresses = [Address(family, socket_address) for family, _, _, _, socket_address in found]
    for address in addresses:
        if not allow_private and (problem := find_problem(address.ip)):
            raise AddressRefused(endpoint=endpoint, address=address.ip, problem=problem)
    return addresses


def find_problem(address: str) -> str | None:
    """Return what an address is if it is not on the public internet; None if it is.

    >>> find_problem("10.0.0.1"), find_problem("::ffff:127.0.0.1"), find_problem("1.1.1.1")
    ('private', 'a loopback address', None)
    """
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address) and ip in _NAT64:  # the translator connects to the IPv4 address inside
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    elif isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    for network, problem in _OTHERS:
        if ip in network:
            return problem
    kinds = {
        "the unspecified address": ip.is_unspecified,
        "a loopback address": ip.is_loopback,
        "a link-local address": ip.is_link_local,
        "a multicast address": ip.is_multicast,
        "private": not ip.is_global or (isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST),
    }
    return next((kind for kind, applies in kinds.items() if applies), None)
