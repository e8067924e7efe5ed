"""Which host and which client a request names."""

import pytest

from service.access import clients
from service.access.clients import Hosts


@pytest.mark.parametrize(
    ("host", "admits"),
    [
        (b"localhost", True),
        (b"LOCALHOST:8000", True),
        (b"[::1]:8000", True),
        (b"[::1]", True),
        (b"a.example.com:443", True),
        (b"a.b.example.com", True),
        (b"example.com", False),
        (b"badexample.com", False),
        (b"localhost.evil.com", False),
        (b"evil.com:localhost", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_a_host_is_admitted_by_its_name_whatever_its_port(host: bytes, *, admits: bool) -> None:
    assert Hosts(["localhost", "[::1]", "*.example.com"]).admits(host) is admits


def test_a_star_admits_all() -> None:
    assert Hosts(["*"]).admits(b"any.example.com")


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([(b"x-api-key", b"a")], b"a"),
        ([(b"authorization", b"Bearer a")], b"a"),
        ([(b"authorization", b"bearer  a ")], b"a"),
        ([(b"authorization", b"Basic a")], None),
        ([(b"authorization", b"Basic a"), (b"x-api-key", b"b")], b"b"),
        ([(b"x-api-key", b"a"), (b"authorization", b"Bearer b")], b"a"),
        ([(b"authorization", b"Bearer")], None),
        ([], None),
    ],
)
def test_a_key_comes_in_one_of_two_headers(headers: list[tuple[bytes, bytes]], key: bytes | None) -> None:
    assert clients.find_key(headers) == key


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::"),
        ("2001:db8:0:1:bbbb::2", "2001:db8:0:1::"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("testclient", "testclient"),
    ],
)
def test_a_client_is_an_address_or_a_network_of_one_subscriber(address: str, network: str) -> None:
    assert clients.network_of(address) == network
