"""HTTP client of a running service: requests predictions and reports outcomes.

It needs only the standard library, because the image of the jobs has no HTTP library. Others use `clients/python`.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ANSWER_LIMIT_SECONDS = 10
RETRY_SECONDS = 0.1


class Refused(RuntimeError):
    """The service answered with an error status."""

    def __init__(self, path: str, *, status: int, detail: str) -> None:
        self.status = status
        super().__init__(f"POST {path} answered {status}: {detail}")


def read_key(path: Path | None) -> str:
    """Return the text of an API key; empty without a file.

    Raises:
        OSError: the file cannot be read.
    """
    return path.read_text(encoding="ascii").strip() if path else ""


class Client:
    """A client with one connection, which is opened again when it is lost."""

    def __init__(self, url: str, key: str = "") -> None:
        """`key` is the text of an API key; services on this machine need none."""
        address = urlsplit(url)
        self._headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_LIMIT_SECONDS)

    def predict(self, customer: dict[str, Any]) -> dict[str, Any]:
        """Return the prediction for one customer.

        Raises:
            Refused: the service answered with an error status.
            OSError, HTTPException: there is no answer; the next call opens a new connection.
        """
        return self._post("/predict", customer)

    def report(self, churned: Mapping[str, bool], *, patience_seconds: float = 0) -> None:
        """Report outcomes: prediction id to whether the customer churned.

        Retries for `patience_seconds` while the service answers 503, since the predictions may not be in the log yet.

        Raises:
            Refused, OSError, HTTPException: no outcome was recorded.
        """
        now, limit = datetime.now(UTC).isoformat(), time.monotonic() + patience_seconds
        outcomes = [{"prediction_id": name, "churned": left, "observed_at": now} for name, left in churned.items()]
        while True:
            try:
                self._post("/outcomes/batch", {"outcomes": outcomes})
            except Refused as error:
                if error.status != 503 or time.monotonic() > limit:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            self._connection.request("POST", path, json.dumps(body), self._headers)
            response = self._connection.getresponse()
            answer: dict[str, Any] = json.load(response)
        except Exception:
            self.close()
            raise
        if response.status != 200:
            raise Refused(path, status=response.status, detail=answer["detail"])
        return answer
