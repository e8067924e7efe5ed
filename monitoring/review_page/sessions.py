"""Sessions of reviewers who signed in with an API key. They are in memory, and end with the program."""

import secrets
import time
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from models import keys
from models.errors import first_problem
from models.keys import Grant, KeyRing, Scope
from monitoring.errors import KeysUnusable

SCOPE: Scope = "review"
MAX_AGE_SECONDS = 12 * 3600
"""Age at which a session ends, so that an abandoned browser does not decide tomorrow."""
MOST = 1_000
"""Most sessions; a further one ends the oldest."""


class _Session(NamedTuple):
    digest: bytes
    """SHA-256 of the key."""
    ends_at: float
    """By the clock of `time.monotonic`."""


class Sessions:
    """Opens a session for a key, and finds the name of its key until session or key end."""

    def __init__(self, keys_file: Path) -> None:
        """The file is read again at each check, so a key that is revoked or replaced counts at once."""
        self._keys_file = keys_file
        self._open: dict[str, _Session] = {}

    def open(self, presented: str) -> tuple[str | None, str]:
        """Return the secret of a new session and no problem, or no secret and why the key opens none.

        Raises:
            KeysUnusable: the keys file cannot be read.
        """
        digest = sha256(presented.strip().encode()).digest()
        if problem := self._find_problem(self._ring().find_digest(digest)):
            return None, problem
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        secret = secrets.token_urlsafe(32)
        self._open[secret] = _Session(digest, time.monotonic() + MAX_AGE_SECONDS)
        return secret, ""

    def find(self, secret: str) -> str | None:
        """Return the name of the session's key; None if the session or its key has ended.

        Raises:
            KeysUnusable: the keys file cannot be read.
        """
        session = self._open.get(secret)
        if session is None:
            return None
        grant = self._ring().find_digest(session.digest)
        if grant is None or self._find_problem(grant) or time.monotonic() >= session.ends_at:
            self.close(secret)
            return None
        return grant.name

    def close(self, secret: str) -> None:
        """End a session."""
        self._open.pop(secret, None)

    def _ring(self) -> KeyRing:
        try:
            return KeyRing(keys.parse(self._keys_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            problem = error.strerror if isinstance(error, OSError) else first_problem(error)
            raise KeysUnusable(path=self._keys_file, problem=problem or "cannot be read") from error

    @staticmethod
    def _find_problem(grant: Grant | None) -> str:
        if grant is None:
            return "This key is not known."
        if grant.is_expired:
            return f"The key of {grant.name} has expired."
        return "" if SCOPE in grant.scopes else f"The key of {grant.name} has not the scope {SCOPE}."
