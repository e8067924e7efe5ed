"""How customers' values are kept in the prediction log: as they are, as a digest, or not at all."""

import hmac
import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from models.features import CustomerFeatures
from service.log.page_format import NULL
from service.settings import Kept

logger = logging.getLogger(__name__)
KEY, KEY_BYTES = "inputs.key", 32
_write = CustomerFeatures.__pydantic_serializer__.to_json
_Columns = Callable[[CustomerFeatures], str]


class InputKeeper:
    """Writes the columns `features` (JSON) and `inputs_digest` of customers.

    A digest only shows whether two customers are equal. It is keyed, because a plain one could be guessed. The key is
    created once and stays in `folder`; without the key, earlier digests are useless. While there is no good key, rows
    are logged without a digest, because digests of different keys cannot be compared.
    """

    def __init__(self, kept: Kept, folder: Path) -> None:
        self._path = folder / KEY
        self.problem: str | None = None
        """Why rows have no digest; None if all is well."""
        self.columns: _Columns = _keep_plain if kept == "plain" else _keep_nothing
        """Returns the two columns of a customer, separated by a tab."""
        if kept == "hashed":
            self.find_key()

    def find_key(self) -> None:
        """Read the key, or create it if there is none; afterwards, `problem` says whether that worked."""
        try:
            self.columns = _hashing(_read_key(self._path) or _create_key(self._path))
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or str(error)
            if self.problem is None:
                logger.error("inputs are logged without a digest: %s: %s", KEY, problem)  # noqa: TRY400  # no traceback
            self.problem = f"Inputs are logged without a digest: {KEY} cannot be used: {problem}."
        else:
            if self.problem is not None:
                logger.info("inputs are logged with a digest again")
            self.problem = None


def _keep_plain(customer: CustomerFeatures) -> str:
    return f"{_write(customer).decode()}\t{NULL}"


def _keep_nothing(_customer: CustomerFeatures) -> str:
    return f"{NULL}\t{NULL}"


def _hashing(key: bytes) -> _Columns:
    return lambda customer: f"{NULL}\t{hmac.digest(key, _write(customer), 'sha256').hex()}"


def _read_key(path: Path) -> bytes | None:
    """Return the key; None if there is none yet.

    Raises:
        OSError, ValueError: it cannot be read, or is damaged.
    """
    if not path.exists():
        return None
    if not path.is_file():
        raise ValueError("it is not a file; remove it, or put the key back")
    with path.open("rb") as file:
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES or not any(key):
        raise ValueError(
            f"it is damaged: a key is {KEY_BYTES} random bytes; put it back from a backup, or remove it, and new "
            "digests will not be comparable with earlier ones"
        )
    return key


def _create_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")  # a process id may come again, as in a container
    try:
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(own)  # if several workers start, all use the key of the first
    finally:
        with suppress(OSError):
            own.unlink(missing_ok=True)
    key = _read_key(path)
    if key is None:
        raise ValueError("it was removed while it was created")
    return key
