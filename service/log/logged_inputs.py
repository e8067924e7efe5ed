"""What is kept of a customer in the prediction log: the values, a digest of them, or nothing."""

import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from models.features import CustomerFeatures
from service.log.spool import NULL
from service.settings import Kept

_KEY = "inputs.key"
_write = CustomerFeatures.__pydantic_serializer__.to_json


def keeper(kept: Kept, folder: Path) -> Callable[[CustomerFeatures], str]:
    """Return what makes of a customer the two columns `features` (JSON) and `inputs_digest`, with a tab between.

    A digest tells whether two customers are alike, and nothing else: it is keyed, since plain ones could be guessed.
    The key is made once and stays in `folder`; who removes it makes all digests so far meaningless.
    """
    if kept == "plain":
        return lambda customer: f"{_write(customer).decode()}\t{NULL}"
    if kept == "none":
        return lambda _customer: f"{NULL}\t{NULL}"
    key = _read_key(folder / _KEY)
    return lambda customer: f"{NULL}\t{hmac.digest(key, _write(customer), 'sha256').hex()}"


def _read_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}")
    own.touch(mode=0o600)
    own.write_bytes(secrets.token_bytes(32))
    with suppress(FileExistsError):
        path.hardlink_to(own)  # of several workers that start, the first gives the key to all
    own.unlink()
    return path.read_bytes()
