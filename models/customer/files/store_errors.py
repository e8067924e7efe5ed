"""Says what an object store refused, and what to do about it, from the errors of pyarrow."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from models import plain_text
from models.customer.errors import StoreUnusable, TableMissing

NO_BUCKET = "no such bucket"
_DENIED = r"access.?denied|forbidden|permission.?(denied|mismatch)|authorization.?failure|\b403\b"
_UNKNOWN = (
    r"invalid.?(access.?key|client.?token)|signature.?does.?not|expired.?token|UNAUTHENTICATED|credential|\b401\b|"
    r"failed to authenticate|authentication.?failed|OAuth2 access token|failed to get token|base64"
)
_KNOWN = (
    (
        r"no.?such.?bucket|bucket does not exist|container ?not ?found|specified container",
        NO_BUCKET,
        "endpoint",
        True,
    ),
    (
        _UNKNOWN,
        "the store accepts no credentials of this process",
        "access",
        True,
    ),
    (
        _DENIED,
        "access denied to the credentials of this process, or to a process without any",
        "access",
        False,  # a store may refuse a single file
    ),
    (
        r"NETWORK_CONNECTION|resolve host|connect|timed? ?out|UNAVAILABLE",
        "the store cannot be reached",
        "network",
        True,
    ),
)
_RIGHTS = "Give an account that may list the bucket, read its files and, for results, write there: by "
_REMEDIES = {
    "s3": {
        "endpoint": "Check its name, and the region (AWS_REGION) or endpoint (AWS_ENDPOINT_URL) of the store.",
        "access": f"{_RIGHTS}AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a role.",
        "network": "Check the network, and the region (AWS_REGION) or endpoint (AWS_ENDPOINT_URL).",
    },
    "gs": {
        "endpoint": "Check its name.",
        "access": f"{_RIGHTS}GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login` or the machine.",
        "network": "Check the network, and CLOUD_STORAGE_EMULATOR_ENDPOINT and STORAGE_EMULATOR_HOST if they are set.",
    },
    "abfs": {
        "endpoint": "Check the container and the account in the address.",
        "access": f"{_RIGHTS}AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, `az login`, the machine, "
        "AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN.",
        "network": "Check the network, the account in the address, and AZURE_STORAGE_CONNECTION_STRING if it is set.",
    },
}


@contextmanager
def translated(path: object) -> Iterator[None]:
    """Convert the errors of a store; those of a local path are raised unchanged.

    Raises:
        TableMissing: there is no such file or folder.
        StoreUnusable: the store refuses, or cannot be reached.
    """
    from pyarrow import ArrowException  # noqa: PLC0415  # settings name addresses, and need no pyarrow

    try:
        yield
    except (OSError, ArrowException) as error:
        if isinstance(path, Path):
            raise
        problem = first_line(error)
        raise known(path, error) or StoreUnusable(
            path=path, problem=problem, remedy=_remedy(path, "endpoint")
        ) from error


def known(path: object, error: Exception) -> StoreUnusable | TableMissing | None:
    """Return the error that says what to do; None if this is no error that stores are known for."""
    text = _without_names(path, error)
    for pattern, problem, kind, is_general in _KNOWN:
        if re.search(pattern, text, re.IGNORECASE):
            return StoreUnusable(path=path, problem=problem, remedy=_remedy(path, kind), is_general=is_general)
    return TableMissing(path=path) if isinstance(error, FileNotFoundError) else None


def is_refusal(path: object, error: Exception) -> bool:
    """Tell whether a store refuses what was asked, to these credentials."""
    return re.search(_DENIED, _without_names(path, error), re.IGNORECASE) is not None


def first_line(error: object) -> str:
    """Return what a store says, without the token that Azure's addresses have.

    >>> first_line(OSError("GetProperties failed for 'https://a.blob.core.windows.net/x?sig=s'."))
    "GetProperties failed for 'https://a.blob.core.windows.net/x?...'"
    """
    line = re.sub(r"\?[^\s'\"]*=[^\s'\"]*", "?...", plain_text.first_line(error)).rstrip(".!")
    return re.sub(r"\bsig=[^&\s'\"]+", "sig=...", line)


def _without_names(path: object, error: Exception) -> str:
    """Return the text of an error without the names that a user chose: a file may be called `connections.csv`."""
    bucket, _, key = str(path).partition("://")[2].partition("/")
    container = bucket.partition("@")[0]
    text = str(error)
    for name in (f"{container}/{key}", key, container, bucket):
        for written in {name, quote(name), quote(name, safe="")} - {""}:
            text = re.sub(rf"(?<=['\"/]){re.escape(written)}(?=['\"/?\s]|$)", "...", text)
    return text


def _remedy(path: object, kind: str) -> str:
    return _REMEDIES[str(path).partition("://")[0].replace("abfss", "abfs")][kind]
