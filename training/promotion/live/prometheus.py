"""Asks a Prometheus for the present values of metrics."""

import base64
import json
import math
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from models import plain_text
from models.addresses import redact_passwords
from models.bundles.format.plain_files import MEGABYTE
from training.promotion.errors import GuardrailsUnreadable

LARGEST_BYTES = 16 * MEGABYTE
"""The series of two models take less than half a megabyte."""
_ANSWER_SECONDS = 10

Sample = tuple[Mapping[str, str], float]
"""Labels and value of a series."""


class _NoRedirect(HTTPRedirectHandler):
    """Follows none, since a redirect may lead the password to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def query(url: str, expression: str) -> list[Sample]:
    """Return the finite values of an expression. The address may hold a user and a password.

    Raises:
        GuardrailsUnreadable: there is no answer, or one that cannot be read.
    """
    try:
        with build_opener(_NoRedirect).open(_request(url, expression), timeout=_ANSWER_SECONDS) as answer:
            content = answer.read(LARGEST_BYTES + 1)
    except HTTPError as error:
        with error:
            raise _unreadable(url, f"it answered HTTP {error.code}") from error
    except URLError as error:
        why = getattr(error.reason, "strerror", None) or error.reason
        raise _unreadable(url, f"it cannot be reached: {plain_text.first_line(why)}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _unreadable(url, f"it gave no whole answer within {_ANSWER_SECONDS} s") from error
    if len(content) > LARGEST_BYTES:
        raise _unreadable(url, f"its answer has more than {LARGEST_BYTES:,} bytes")
    try:
        samples = [(dict(one["metric"]), float(one["value"][1])) for one in json.loads(content)["data"]["result"]]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _unreadable(url, "its answer is not that of a Prometheus") from error
    return [(labels, value) for labels, value in samples if math.isfinite(value)]


def _request(url: str, expression: str) -> Request:
    user, at, _ = urlsplit(url).netloc.rpartition("@")
    address = f"{url.replace(user + at, '', 1).rstrip('/')}/api/v1/query?{urlencode({'query': expression})}"
    named = base64.b64encode(unquote(user).encode()).decode()
    return Request(address, headers={"Authorization": f"Basic {named}"} if user else {})  # noqa: S310  # the settings allow http only


def _unreadable(url: str, problem: str) -> GuardrailsUnreadable:
    return GuardrailsUnreadable(url=redact_passwords(url), problem=problem)
