"""Where notices are sent and what signs them: the parts of a webhook's address, and the keys of its signature."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

PORTS = {"https": 443, "http": 80}
KEY_BYTES = range(24, 65)
"""Lengths of a key that Standard Webhooks allows."""
_PRINTABLE = re.compile(r"[!-~]+")
_PREFIX = "whsec_"


@dataclass(frozen=True)
class Endpoint:
    """The parts of a webhook's address. Only host and port are ever shown: with Slack, the path is a password."""

    scheme: Literal["https", "http"]
    host: str
    port: int
    target: str = field(repr=False)
    """Path and query."""

    def __str__(self) -> str:
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"


def parse_endpoint(url: str) -> Endpoint:
    """Read a webhook's address.

    Raises:
        ValueError: it is not usable; the message does not repeat it.
    """
    if not _PRINTABLE.fullmatch(url):
        raise ValueError("an address has no blanks, and no letters beyond ASCII; write such a host as xn--...")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ValueError("its host or its port is not valid") from error
    if parts.scheme not in PORTS or not host:
        raise ValueError("give an address as https://hooks.example/path")
    if "@" in parts.netloc:
        raise ValueError("leave out the user and the password; the receiver checks the signature")
    scheme: Literal["https", "http"] = "https" if parts.scheme == "https" else "http"
    query = f"?{parts.query}" if parts.query else ""
    return Endpoint(scheme, host, port or PORTS[scheme], f"{parts.path or '/'}{query}")


def parse_keys(secret: str) -> Sequence[bytes]:
    """Read the keys of a secret: one, or two while the receivers change from one to the other, with a blank between.

    >>> parse_keys("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
    [b'012345678901234567890123']

    Raises:
        ValueError: a key is not base64 of 24 to 64 bytes; the message does not repeat it.
    """
    keys = []
    for word in secret.split():
        try:
            keys.append(base64.b64decode(word.removeprefix(_PREFIX), validate=True))
        except binascii.Error as error:
            raise ValueError(_REMEDY) from error
    if not keys or any(len(key) not in KEY_BYTES for key in keys):
        raise ValueError(_REMEDY)
    return keys


_REMEDY = "give 24 to 64 random bytes in base64, as `echo whsec_$(openssl rand -base64 32)` makes them"
