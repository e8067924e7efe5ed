"""How both clients connect."""

import ssl
from typing import Any

import httpx2

# The service closes a connection after 5 idle seconds. A request sent just then is lost, so the client closes first.
LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2)


def options(url: str, key: str, timeout_seconds: float, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """Return what both kinds of `httpx2` clients are made with.

    Raises:
        ValueError: the URL is none of HTTP, or the key cannot be sent in a header.
    """
    try:
        address = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"{url!r} is not a URL: {error}. Write it as http://localhost:8000.") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError(f"{url!r} has no http:// or https:// before a host. Write it as http://localhost:8000.")
    key = in_header("key", key.strip())
    return {
        "base_url": address,
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "timeout": timeout_seconds,
        "verify": tls or True,
        "limits": LIMITS,
    }


def in_header(name: str, text: str) -> str:
    """Return the text.

    Raises:
        ValueError: a header cannot have it.
    """
    if text.isascii() and text.isprintable() and text == text.strip():
        return text
    # The text may be a key, so the error does not repeat it.
    raise ValueError(f"{name} has characters that a header cannot have. Use printable ASCII without spaces around it.")
