"""Which addresses a webhook may have."""

import socket
from typing import Any

import pytest

from monitoring import webhook
from monitoring.notices import public_addresses
from monitoring.notices.errors import AddressRefused, HostUnknown

PUBLIC = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
REFUSED = {
    "0.0.0.0": "unspecified",  # noqa: S104  # not bound
    "0.1.2.3": "private",
    "10.1.2.3": "private",
    "100.64.0.1": "private",
    "100.100.100.200": "private",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "Azure",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "192.0.0.192": "reserved",
    "192.0.2.1": "private",
    "192.88.99.1": "reserved",
    "192.168.1.1": "private",
    "198.18.0.1": "private",
    "198.51.100.1": "private",
    "203.0.113.1": "private",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "private",
    "255.255.255.255": "private",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "private",
    "::1.1.1.1": "private",
    "::ffff:10.0.0.1": "private",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:0:127.0.0.1": "private",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a00:1": "private",
    "64:ff9b:1::1": "private",
    "100::1": "private",
    "2001::1": "private",
    "2001:db8::1": "private",
    "2002:7f00:1::1": "6to4",
    "3fff::1": "reserved",
    "5f00::1": "private",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "fe80::1%lo": "link-local",
    "fec0::1": "private",
    "ff02::1": "multicast",
}


def lookup(*addresses: str) -> Any:
    """A name service that knows these addresses."""
    return lambda _, port, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    endpoint = webhook.parse_endpoint("https://hooks.test/x")
    [found] = public_addresses.find(endpoint, allow_private=False, lookup=lookup(address))
    assert found.socket_address == (address, 443)


@pytest.mark.parametrize(("address", "problem"), REFUSED.items())
def test_any_other_address_is_refused_unless_it_is_allowed(address: str, problem: str) -> None:
    endpoint = webhook.parse_endpoint("https://hooks.test/x")
    with pytest.raises(AddressRefused, match="MONITORING_WEBHOOK_ALLOW_PRIVATE=true") as refused:
        public_addresses.find(endpoint, allow_private=False, lookup=lookup(address))
    assert problem in refused.value.problem
    assert address in str(refused.value)
    assert public_addresses.find(endpoint, allow_private=True, lookup=lookup(address))


def test_one_private_address_among_public_ones_is_enough() -> None:
    endpoint = webhook.parse_endpoint("https://hooks.test/x")
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        public_addresses.find(endpoint, allow_private=False, lookup=lookup("1.1.1.1", "10.0.0.1"))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".test"])
def test_a_host_without_an_address_is_said(host: str) -> None:
    with pytest.raises(HostUnknown, match="Check the host in MONITORING_WEBHOOK_URL"):
        public_addresses.find(webhook.parse_endpoint(f"https://{host}/x"), allow_private=True)
