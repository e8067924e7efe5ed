"""How customers are kept in the log: their values plain, as a digest or not at all, and their id as a digest.

A digest only shows whether two values are equal. While there is no good key, rows are logged without digests, because
digests of different keys cannot be compared.
"""

import hashlib
import hmac
import logging
from collections.abc import Callable
from pathlib import Path

from models.features import CustomerFeatures
from service.log import digest_key
from service.log.digest_key import KEY
from service.log.page_format import NULL
from service.settings import Kept

logger = logging.getLogger(__name__)
_DIGEST_BYTES = 16
"""Of a `customer_id`: two of a billion customers have the same digest with a probability of 1e-21."""
_PERSON = b"customer_id"
"""Makes the digests of ids differ from other uses of the key."""
_write = CustomerFeatures.__pydantic_serializer__.to_json
_Columns = Callable[[CustomerFeatures], str]
_Digest = Callable[[str], str]


class InputKeeper:
    """Writes the columns `features` (JSON), `inputs_digest` and `customer_digest`.

    The key stays in `folder`; without the key, earlier digests are useless.
    """

    def __init__(self, kept: Kept, folder: Path, *, customers: bool = False) -> None:
        self._folder, self._hashes_inputs = folder, kept == "hashed"
        self.keeps_customers = customers
        """Whether ids of customers are logged as digests."""
        self.problem: str | None = None
        """Why rows have no digest; None if all is well."""
        self.columns: _Columns = _keep_plain if kept == "plain" else _keep_nothing
        """Returns the first two columns of a customer, separated by a tab."""
        self.digest: _Digest = _keep_no_id
        """Returns the digest of a `customer_id`; 1 µs."""
        if self._hashes_inputs or customers:
            self.find_key()

    def find_key(self) -> None:
        """Read the key, or create it if there is none; afterwards, `problem` says whether that worked."""
        try:
            key = digest_key.find(self._folder)
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or str(error)
            if self.problem is None:
                logger.error("rows are logged without a digest: %s: %s", KEY, problem)  # noqa: TRY400  # no traceback
            self.problem = f"Rows are logged without a digest: {KEY} cannot be used: {problem}."
            return
        if self._hashes_inputs:
            self.columns = _hashing(key)
        if self.keeps_customers:
            self.digest = _identifying(key)
        if self.problem is not None:
            logger.info("rows are logged with a digest again")
        self.problem = None


def _keep_plain(customer: CustomerFeatures) -> str:
    return f"{_write(customer).decode()}\t{NULL}"


def _keep_nothing(_customer: CustomerFeatures) -> str:
    return f"{NULL}\t{NULL}"


def _keep_no_id(_name: str) -> str:
    return NULL


def _hashing(key: bytes) -> _Columns:
    return lambda customer: f"{NULL}\t{hmac.digest(key, _write(customer), 'sha256').hex()}"


def _identifying(key: bytes) -> _Digest:
    keyed = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=_PERSON)

    def digest(name: str) -> str:
        own = keyed.copy()  # faster than to begin with the key
        own.update(name.encode())
        return own.hexdigest()

    return digest
