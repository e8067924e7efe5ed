"""API keys, and the check of the key that a request presents. The service and the dashboard read the same keys file.

A key is a random text that only its owner has. The file has its SHA-256: keys have 256 random bits, so a slow
hash would protect nothing more and would take the time of many predictions.
"""

import hmac
import re
import time
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, NamedTuple, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from models.log.reporters import RESERVED

Scope = Literal["predict", "outcomes", "read", "trial", "review"]
"""`predict`: POST /predict and /predict/batch. `outcomes`: POST /outcomes and /treatments, and the batch of
each. `trial`: POST /predict/trial, which logs nothing. `read`: all other paths of the service. `review`: the dashboard,
and decisions about runs of the monitor."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
KEYS_PER_NAME = 2
_INDEX_BYTES = 8


class Key(BaseModel):
    """One key of one client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """Name of the client: in metrics, log lines and outcomes."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the key."""
    scopes: tuple[Scope, ...] = Field(min_length=1)
    """What the key is for."""
    expires: AwareDatetime | None = Field(default=None, strict=True)
    """From when the key is refused; None for never."""

    @field_validator("name")
    @classmethod
    def _is_usable(cls, name: str) -> str:
        if not re.fullmatch(NAME, name):
            problem = "use at most 63 lower-case letters, digits and ._-, with a letter or a digit first, not {name}"
            raise PydanticCustomError("name", problem, {"name": ascii(name)})
        if name in RESERVED:
            raise PydanticCustomError("reserved", "{name} is reserved; choose another", {"name": name})
        return name

    @field_validator("expires")
    @classmethod
    def _is_a_time(cls, expires: datetime | None) -> datetime | None:
        try:
            return expires and expires.astimezone(UTC)
        except OverflowError:
            raise PydanticCustomError("expires", "it is too far away") from None

    @property
    def short(self) -> str:
        """The first digits of the digest, which tell the keys of one name apart."""
        return self.sha256[:8]


class KeyList(BaseModel):
    """All keys, as the keys file lists them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[Key, ...] = ()

    @model_validator(mode="after")
    def _are_distinct(self) -> "KeyList":
        for name, keys in Counter(key.name for key in self.keys).items():
            if keys > KEYS_PER_NAME:
                raise PydanticCustomError(
                    "keys", "{name} has {keys} keys; revoke one, two are allowed", {"name": name, "keys": keys}
                )
        if len({key.sha256[: 2 * _INDEX_BYTES] for key in self.keys}) < len(self.keys):
            raise PydanticCustomError("twice", "the same key is listed twice")
        return self


def parse(text: str) -> tuple[Key, ...]:
    """Return all keys of a keys file's text, expired ones too.

    Raises:
        ValueError, RecursionError: it is not TOML, or not a list of keys.
    """
    return KeyList.model_validate(tomllib.loads(text)).keys


class Grant(NamedTuple):
    """What a key allows."""

    name: str
    scopes: frozenset[Scope]
    expires: float
    """Seconds since 1970; infinite for never."""
    digest: bytes

    @property
    def is_expired(self) -> bool:
        """Whether the key is refused now."""
        return time.time() >= self.expires


class KeyRing:
    """Finds the grant of a key, in a time that depends neither on the key nor on the number of keys."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        grants = [_grant(key) for key in keys]
        # The index reveals the first bytes of a digest at most, and these say nothing about the key.
        self._grants = {grant.digest[:_INDEX_BYTES]: grant for grant in grants}
        self._latest: tuple[bytes, Grant | None] = (b"", None)

    def find(self, presented: bytes) -> Grant | None:
        """Return the grant of a key, None if there is none; it may be expired."""
        latest, grant = self._latest
        if grant is not None and hmac.compare_digest(presented, latest):  # a busy client sends the same key again
            return grant
        grant = self.find_digest(sha256(presented).digest())
        if grant is not None:
            self._latest = presented, grant
        return grant

    def find_digest(self, digest: bytes) -> Grant | None:
        """Return the grant of the key with this SHA-256, None if there is none; it may be expired."""
        grant = self._grants.get(digest[:_INDEX_BYTES])
        return grant if grant is not None and hmac.compare_digest(grant.digest, digest) else None


def _grant(key: Key) -> Grant:
    expires = key.expires.timestamp() if key.expires else float("inf")
    return Grant(key.name, frozenset(key.scopes), expires, bytes.fromhex(key.sha256))
