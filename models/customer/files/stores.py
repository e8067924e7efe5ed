"""Addresses of tables: local paths, and the addresses of object stores: `s3://`, `gs://` and `abfs://`.

Region, endpoint and credentials come from the variables and files of the stores' own tools.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from models.customer.files import azure_account, store_clients, store_errors

SCHEMES = ("s3", "gs", "abfs", "abfss")


@dataclass(frozen=True)
class StorePath:
    """An address in an object store, with the parts of `Path` that tables need. Every look-up is a request."""

    root: str
    """Scheme and bucket, as `s3://lake`."""
    key: str
    """The rest, without a slash at either end."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    def __str__(self) -> str:
        return f"{self.root}/{self.key}" if self.key else self.root

    def __truediv__(self, relative: str) -> "StorePath":
        return StorePath(self.root, f"{self.key}/{relative}".strip("/"))

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.key).name

    @property
    def suffix(self) -> str:
        """The suffix of the last part."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> "StorePath":
        """The folder; that of the bucket is the bucket."""
        return StorePath(self.root, self.key.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> "StorePath":
        """Return the address with another suffix."""
        return self.parent / PurePosixPath(self.name).with_suffix(suffix).name

    def exists(self) -> bool:
        """Tell whether there is a file or a folder.

        Raises:
            StoreUnusable: the store refuses the question, or has no such bucket.
        """
        return self._kind() != "NotFound"

    def is_dir(self) -> bool:
        """Tell whether files are below this address.

        Raises:
            StoreUnusable: as for `exists`.
        """
        return self._kind() == "Directory"

    def resolve(self) -> "StorePath":
        """Return itself: there are no links."""
        return self

    @property
    def system(self) -> Any:
        """The file system of pyarrow."""
        return _system(self.root)[0]

    @property
    def inside(self) -> str:
        """The path in `system`."""
        return f"{_system(self.root)[1]}/{self.key}".rstrip("/")

    def _kind(self) -> str:
        with store_errors.translated(self):
            kind = str(self.system.get_file_info(self.inside).type.name)
            if kind == "NotFound" and not self._has_bucket():
                raise FileNotFoundError(store_errors.NO_BUCKET)
            return kind

    def _has_bucket(self) -> bool:
        """Tell whether the bucket is there, or may not be looked at: reading its files needs no such right."""
        try:
            return bool(self.system.get_file_info(_system(self.root)[1]).type.name != "NotFound")
        except OSError as error:
            if store_errors.is_refusal(self, error):
                return True
            raise


Table = Path | StorePath
"""Where a table is."""


def locate(text: object) -> Any:
    """Read a path or an address; anything but text is returned unchanged.

    >>> str(locate("s3://lake/customers/")), str(locate("data/customers.csv"))
    ('s3://lake/customers', 'data/customers.csv')

    Raises:
        PydanticCustomError: the address is of no known store, or may hold a password; the error does not show it.
    """
    scheme, sign, rest = text.partition("://") if isinstance(text, str) else ("", "", "")
    if not sign:
        return Path(text) if isinstance(text, str) else text
    bucket, _, key = rest.partition("/")
    if scheme in SCHEMES and set("?#") & set(rest):
        raise PydanticCustomError(
            "address", "give no password in an address, and no ? or #, but a token in the variables of the store"
        )
    if scheme in SCHEMES and ":" in bucket.partition("@")[0] and "@" in bucket:
        raise PydanticCustomError("address", "give no password in an address, but in the variables of the store")
    if scheme not in SCHEMES or not bucket or (scheme.startswith("abfs") and not azure_account.split(bucket)):
        raise PydanticCustomError(
            "address",
            "give a path, or an address as s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or "
            "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER",
        )
    return StorePath(f"{scheme}://{bucket}", key.strip("/"))


Location = Annotated[Table, BeforeValidator(locate)]
"""A setting that holds the path or the address of a table."""


def _local(value: object) -> object:
    if isinstance(value, str) and is_address(value):
        raise PydanticCustomError("local", "give a local path: only tables are read from object stores")
    return value


LocalPath = Annotated[Path, BeforeValidator(_local)]
"""A setting that holds the path of a local file or folder."""


def is_address(text: str) -> bool:
    """Tell whether a text is the address of an object store."""
    return text.partition("://")[0] in SCHEMES and "://" in text


@lru_cache
def _system(root: str) -> tuple[Any, str]:
    """Return pyarrow's file system for a bucket, and the bucket's path in it."""
    return store_clients.connect(root)
