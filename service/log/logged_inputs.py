"""How customers' values are kept in the prediction log: as they are, as a digest, or not at all."""

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
    """Return a function from a customer to the columns `features` (JSON) and `inputs_digest`, separated by a tab.

    A digest only shows whether two customers are equal. It is keyed, because a plain one could be guessed. The key is
    created once and stays in `folder`; without the key, earlier digests are useless.
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
        path.hardlink_to(own)  # if several workers start, all use the key of the first
    own.unlink()
    return path.read_bytes()
