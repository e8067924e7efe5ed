"""The id of the current request: the same in its log lines, its response and the client's own records."""

import re
from collections.abc import Iterable
from contextvars import ContextVar

from service import random_ids

HEADER = "X-Request-ID"
HEADER_BYTES = HEADER.lower().encode()
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")

current: ContextVar[str | None] = ContextVar("request_id", default=None)
"""None outside a request."""


def choose(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the client's request id if it is safe to log and to echo, or else a new one."""
    for name, value in headers:
        if name == HEADER_BYTES and _ACCEPTABLE.fullmatch(value):
            return value.decode()
    return random_ids.draw()
