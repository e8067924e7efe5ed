"""Decides whether and when a request is sent again."""

import random
import time
from dataclasses import dataclass

from churn_client.errors import ClientError, Temporary, Unreachable

FIRST_WAIT_SECONDS = 0.2
"""Doubles with each retry, where the service does not say how long to wait."""


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How often, and for how long, a request is sent again.

    After 429 and 503, which mean that nothing was done, the client waits as long as `Retry-After` says, and up to half
    as long again, so that clients do not return all at once. Without a connection it tries again as well. If the
    connection was lost after the request was sent, or the answer took too long, a prediction is not repeated, because
    the service may have logged it: the log would have the customer twice. All other requests are repeated.
    """

    times: int = 3
    """Most attempts after the first; 0 for none."""
    within_seconds: float = 30
    """No attempt begins later than this after the first. A longer `Retry-After` is not waited for."""


class Patience:
    """The retries that are left for one call."""

    def __init__(self, retries: Retries, *, is_repeatable: bool) -> None:
        """`is_repeatable` says whether the request may reach the service twice."""
        self._retries, self._is_repeatable = retries, is_repeatable
        self._done = 0
        self._limit = time.monotonic() + retries.within_seconds

    def wait_after(self, error: ClientError) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is none."""
        if self._done == self._retries.times or not self._may_repeat(error):
            return None
        asked = error.retry_after_seconds if isinstance(error, Temporary) else None
        wait = FIRST_WAIT_SECONDS * 2**self._done if asked is None else asked
        left = self._limit - time.monotonic()
        if wait > left:
            return None
        self._done += 1
        return min(wait * random.uniform(1, 1.5), left)  # noqa: S311  # not for secrets

    def _may_repeat(self, error: ClientError) -> bool:
        match error:
            case Temporary():
                return True
            case Unreachable():
                return self._is_repeatable or not error.may_have_arrived
            case _:
                return False
