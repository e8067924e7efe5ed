"""Delivers one notice to the webhook, signed as Standard Webhooks 1.0 has it."""

import base64
import hashlib
import hmac
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.notices import http_post, public_addresses
from monitoring.notices.errors import Rejected
from monitoring.notices.http_post import Answer, Dial
from monitoring.notices.public_addresses import Lookup
from monitoring.webhook import Endpoint


@dataclass(frozen=True)
class Webhook:
    """The receiver of the notices."""

    endpoint: Endpoint
    keys: Sequence[bytes] = field(default=(), repr=False)
    """Keys of the signature, one for each; without any, notices are not signed."""
    allow_private: bool = False
    lookup: Lookup = field(default=socket.getaddrinfo, repr=False)
    dial: Dial = field(default=http_post.dial, repr=False)
    total_seconds: float = http_post.TOTAL_SECONDS

    def deliver(self, notice_id: str, body: bytes, *, now: datetime) -> Answer:
        """Send a notice, and return the answer, which is 2xx.

        The address is looked up and checked at each delivery.

        Raises:
            NotDelivered: the receiver did not accept it; the class names the reason.
        """
        headers = {"Content-Type": "application/json", "User-Agent": "churn-monitoring", "Connection": "close"}
        headers |= {"webhook-id": notice_id, "webhook-timestamp": str(int(now.timestamp()))}
        if self.keys:
            headers["webhook-signature"] = sign(self.keys, notice_id, headers["webhook-timestamp"], body)
        found = public_addresses.find(self.endpoint, allow_private=self.allow_private, lookup=self.lookup)
        total = self.total_seconds
        answer = http_post.post(self.endpoint, found, body, headers, dial=self.dial, total_seconds=total)
        if not 200 <= answer.status < 300:
            said, after = answer.said, answer.retry_after_seconds
            raise Rejected(endpoint=self.endpoint, status=answer.status, said=said, retry_after_seconds=after)
        return answer


def sign(keys: Sequence[bytes], notice_id: str, timestamp: str, body: bytes) -> str:
    """Return the signatures of a notice, one for each key, separated by blanks."""
    content = f"{notice_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(key, content, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
