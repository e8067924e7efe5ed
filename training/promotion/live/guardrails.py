"""Asks Prometheus whether the service fails or is slow."""

import json
import math
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from models.addresses import redact_passwords
from training.promotion.errors import GuardrailsUnreadable

_ANSWER_SECONDS = 10
_ERRORS = (
    'sum(rate(http_requests_total{method="POST",status=~"5..",status!="503"}[1h]))'
    ' / sum(rate(http_requests_total{method="POST"}[1h]))'
)
_P99 = (
    "histogram_quantile(0.99, sum by (le) "
    '(rate(http_request_duration_seconds_bucket{method="POST",route="/predict"}[1h])))'
)


@dataclass(frozen=True)
class Guardrails:
    """The state of the service in the last hour."""

    error_share: float
    p99_seconds: float


def read(url: str) -> Guardrails:
    """Read the state of the service.

    Raises:
        GuardrailsUnreadable: Prometheus does not answer, or has no value, as without requests.
    """
    return Guardrails(_query(url, _ERRORS, "the share of failed requests"), _query(url, _P99, "the time to answer"))


def _query(url: str, query: str, what: str) -> float:
    address = f"{url.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    try:
        with urlopen(Request(address), timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  # the settings allow http only
            [found] = json.load(answer)["data"]["result"]
        value = float(found["value"][1])
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise GuardrailsUnreadable(url=redact_passwords(url), problem=f"{what} cannot be read") from error
    if not math.isfinite(value):
        raise GuardrailsUnreadable(url=redact_passwords(url), problem=f"there were no requests to tell {what}")
    return value
