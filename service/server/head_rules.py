"""Rules for the head of a request beyond those of the parser, and the errors of requests that are no valid HTTP."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException

MAX_HEAD_BYTES, MAX_FIELDS, MAX_URL_BYTES = 65_536, 100, 8_192
"""Largest head of a request, largest trailer, most fields in each, and longest URL."""
MAX_LENGTH_DIGITS = 19
"""Enough for every size; Python refuses to read numbers with thousands of digits."""

_PLAIN = {"Pause on PRI/Upgrade": "it begins HTTP/2 instead of HTTP/1.1"}
"""The parser's words that say too little."""


def find_fault(
    version: str, url: bytes, headers: Sequence[tuple[bytes, bytes]], *, is_100_expected: bool
) -> HTTPException | None:
    """Return why a request with this head is refused, None if it is not."""
    if version not in ("1.0", "1.1"):
        return HTTPException(505, f"HTTP/{version} is not supported. Send HTTP/1.1.")
    if len(url) > MAX_URL_BYTES:
        return too_long()
    if len(headers) > MAX_FIELDS or _size_of(url, headers) > MAX_HEAD_BYTES:
        return too_large()
    names = [name for name, _ in headers]
    if version == "1.1" and b"expect" in names and not is_100_expected:
        return HTTPException(417, "The only expectation that is supported is 100-continue.")
    if any(name == b"content-length" and len(value) > MAX_LENGTH_DIGITS for name, value in headers):
        return malformed(f"its Content-Length has more than {MAX_LENGTH_DIGITS} digits")
    return _find_ambiguity(version, names.count(b"host"), headers)


def _find_ambiguity(version: str, hosts: int, headers: Sequence[tuple[bytes, bytes]]) -> HTTPException | None:
    """Return why another server may understand the request differently."""
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if hosts > 1 or (version == "1.1" and not hosts):
        return malformed(f"it has {hosts} Host fields instead of one")
    if codings and version == "1.0":
        return malformed("HTTP/1.0 has no Transfer-Encoding")
    if codings not in ([], [b"chunked"]):
        return HTTPException(501, "The only Transfer-Encoding that is supported is chunked.")
    return None


def _size_of(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def find_upgrade_fault(headers: Sequence[tuple[bytes, bytes]]) -> HTTPException | None:
    """Return why a request for another protocol is refused; None if the wish is ignored, as HTTP allows."""
    if any(name in (b"content-length", b"transfer-encoding") for name, _ in headers):
        return HTTPException(501, "A request with a body cannot ask for another protocol. Send it without Upgrade.")
    return None


def too_large() -> HTTPException:
    """Return the error of a head or a trailer with too many or too large fields."""
    return HTTPException(
        431, f"The request has more than {MAX_FIELDS} fields, or more than {MAX_HEAD_BYTES} bytes of them. Send fewer."
    )


def too_long() -> HTTPException:
    """Return the error of a URL that is too long."""
    return HTTPException(414, f"The URL is longer than {MAX_URL_BYTES} bytes. Shorten it.")


def not_a_path() -> HTTPException:
    """Return the error of a URL that names no path of this service."""
    return HTTPException(
        400,
        "The URL of the request cannot be read, or names no path. Send a path that begins with / and escapes all but "
        "ASCII, as in GET /health HTTP/1.1; this service is no proxy.",
    )


def malformed(problem: str) -> HTTPException:
    """Return the error of a request that breaks a rule of HTTP."""
    problem = _PLAIN.get(problem, problem)
    return HTTPException(400, f"This is no valid HTTP request: {problem}. Correct the client, or the proxy before it.")
