"""Sends one HTTP request over a connection to one address, with a time limit for all of it.

Python's own HTTP client follows no redirects and asks no proxy. The socket is connected here, so that it goes to the
address that was checked.
"""

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from monitoring.notices.errors import NoAnswer
from monitoring.notices.public_addresses import Address
from monitoring.webhook import Endpoint

CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 15.0
"""Time limits of one connection attempt, and of the request with all its attempts."""
SHOWN_BYTES = 80
"""Longest body of an answer that is shown; no more of it is read."""
_SEPARATORS = re.compile("[/?&=]")
Dial = Callable[[Address, float], socket.socket]


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    said: str
    """Its body, if that is short and does not repeat a part of the path, which may be a password."""
    retry_after_seconds: float | None


def dial(address: Address, timeout_seconds: float) -> socket.socket:
    """Connect to an address.

    Raises:
        OSError: nobody answers there in time.
    """
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_seconds)
        connection.connect(address.socket_address)
    except OSError:
        connection.close()
        raise
    return connection


def post(
    endpoint: Endpoint,
    addresses: Sequence[Address],
    body: bytes,
    headers: Mapping[str, str],
    *,
    dial: Dial = dial,
    total_seconds: float = TOTAL_SECONDS,
) -> Answer:
    """Send a request to the first of the addresses that can be reached, and return the answer.

    Raises:
        NoAnswer: there is no connection, no trusted certificate, or no complete head of an answer in time.
    """
    limit = time.monotonic() + total_seconds
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(_connect(endpoint, addresses, dial, limit))
            stack.enter_context(_deadline(raw, limit))
            client = stack.enter_context(_client(endpoint, raw))
            client.request("POST", endpoint.target, body, dict(headers))
            response = stack.enter_context(client.getresponse())
            if time.monotonic() >= limit:  # the client takes a head that was cut off for a complete one
                raise TimeoutError
            return _read(response, endpoint)
        except (OSError, http.client.HTTPException) as error:
            late = time.monotonic() >= limit or isinstance(error, TimeoutError)
            problem = f"no complete answer within {total_seconds:g} s" if late else _describe(error)
            raise NoAnswer(endpoint=endpoint, problem=problem) from error


@contextmanager
def _connect(endpoint: Endpoint, addresses: Sequence[Address], dial: Dial, limit: float) -> Iterator[socket.socket]:
    problem = "it has no address"
    for address in addresses:
        if (left := limit - time.monotonic()) <= 0:
            break
        try:
            connection = dial(address, min(CONNECT_SECONDS, left))
        except TimeoutError:
            problem = f"no connection within {CONNECT_SECONDS:g} s"
            continue
        except OSError as error:
            problem = _describe(error)
            continue
        with connection:
            connection.settimeout(max(limit - time.monotonic(), 0.001))
            yield connection
        return
    raise NoAnswer(endpoint=endpoint, problem=problem)


@contextmanager
def _deadline(connection: socket.socket, limit: float) -> Iterator[None]:
    """Shut the connection down at the limit: a time-out alone would begin anew with each byte that comes."""
    guard = connection.dup()  # TLS takes over the original

    def shut() -> None:
        with suppress(OSError):
            guard.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(limit - time.monotonic(), 0), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        guard.close()


@contextmanager
def _client(endpoint: Endpoint, connection: socket.socket) -> Iterator[http.client.HTTPConnection]:
    client: http.client.HTTPConnection
    if endpoint.scheme == "https":
        client = http.client.HTTPSConnection(endpoint.host, endpoint.port)
        client.sock = ssl.create_default_context().wrap_socket(connection, server_hostname=endpoint.host)
    else:
        client = http.client.HTTPConnection(endpoint.host, endpoint.port)
        client.sock = connection
    client.auto_open = 0  # it never connects by itself, which would look the name up again
    try:
        yield client
    finally:
        client.close()


def _read(response: http.client.HTTPResponse, endpoint: Endpoint) -> Answer:
    said = b""
    with suppress(OSError, http.client.HTTPException):  # the status counts, whatever becomes of the body
        said = response.read(SHOWN_BYTES + 1)
    text = " ".join(said.decode(errors="replace").split())
    parts = (part for part in _SEPARATORS.split(endpoint.target) if len(part) > 2)
    is_shown = len(said) <= SHOWN_BYTES and text.isprintable() and not any(part in text for part in parts)
    return Answer(response.status, text if is_shown else "", _seconds(response.getheader("Retry-After")))


def _seconds(retry_after: str | None) -> float | None:
    if not retry_after:
        return None
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _describe(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, http.client.HTTPException) or not getattr(error, "strerror", None):
        return "the connection ended before an answer in HTTP"
    return f"no connection: {error.strerror}" if isinstance(error, OSError) else "no connection"
