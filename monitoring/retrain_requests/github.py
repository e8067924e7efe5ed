"""Starts the workflow retrain.yml of a repository by GitHub's event `repository_dispatch`."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from models import plain_text
from monitoring.retrain_requests.errors import NotRequested, RequestRefused, RequestUnanswered, TokenUnusable

LIMIT_SECONDS = 20.0
SHOWN_BYTES = 2_000
_ACCESS = "Give it a token of this repository that may write its contents, with MONITORING_RETRAIN_TOKEN_FILE."
_REMEDIES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "The token ended or is none. " + _ACCESS,
    HTTPStatus.FORBIDDEN: _ACCESS,
    HTTPStatus.NOT_FOUND: "Check MONITORING_RETRAIN_REPOSITORY. GitHub also hides what a token may not see. " + _ACCESS,
}
_UNKNOWN = {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
"""Answers that also follow a request that arrived."""
_LATER = "It is tried again."
_MOVED = "The repository moved: set MONITORING_RETRAIN_REPOSITORY to its new name."


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows none, since a redirect may lead the token to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub."""

    name: str
    """owner/name."""
    api_url: str
    token_file: Path
    limit_seconds: float = LIMIT_SECONDS

    def token(self) -> str:
        """Read the token.

        Raises:
            TokenUnusable: the file cannot be read, or holds something else.
        """
        try:
            text = self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or "is no text"
            raise TokenUnusable(path=self.token_file, problem=problem) from error
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise TokenUnusable(path=self.token_file, problem="holds no token" if text else "is empty")
        return text

    def request_retraining(self, payload: Mapping[str, Any], *, token: str) -> None:
        """Send the event.

        Raises:
            RequestRefused: GitHub refused the event, or could not be reached.
            RequestUnanswered: nobody knows whether GitHub took it.
        """
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "User-Agent": "churn-monitoring",
        }
        body = json.dumps({"event_type": "retrain", "client_payload": payload}).encode()
        request = urllib.request.Request(f"{self.api_url}/repos/{self.name}/dispatches", body, headers)  # noqa: S310  # settings check it
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.limit_seconds):
                pass
        except urllib.error.HTTPError as error:
            with error:
                raise self._failed(error) from error
        except urllib.error.URLError as error:  # only while it connects and sends
            problem = plain_text.first_line(getattr(error.reason, "strerror", None) or error.reason)
            raise RequestRefused(repository=self.name, problem=problem, remedy=_LATER) from error
        except (OSError, http.client.HTTPException) as error:
            problem = f"there was no answer within {self.limit_seconds:g} s"
            if not isinstance(error, TimeoutError):
                problem = "the connection ended before an answer"
            raise RequestUnanswered(repository=self.name, problem=problem) from error

    def _failed(self, error: urllib.error.HTTPError) -> NotRequested:
        said = ""
        with suppress(OSError, ValueError, TypeError, LookupError, http.client.HTTPException):
            said = f": {plain_text.first_line(json.loads(error.read(SHOWN_BYTES))['message'])}"
        problem = f"HTTP {error.code}{said}"
        if error.code in _UNKNOWN:
            return RequestUnanswered(repository=self.name, problem=f"GitHub answered {problem}")
        remedy = _MOVED if 300 <= error.code < 400 else _REMEDIES.get(error.code, _LATER)
        return RequestRefused(repository=self.name, problem=problem, remedy=remedy)
