"""Says what an object store refused, and what to do about it, from the errors of pyarrow."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models import plain_text
from models.customer.errors import StoreUnusable, TableMissing

NO_BUCKET = "no such bucket"
_ENDPOINT = "Check its name, and the region (AWS_REGION) or endpoint (AWS_ENDPOINT_URL) where it is looked for."
_ACCESS = (
    "Give an account that may list the bucket, read its files and, for results, write there: for S3 by "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a role; for Google by GOOGLE_APPLICATION_CREDENTIALS; "
    "for Azure by AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET."
)
_KNOWN = (
    (r"no.?such.?bucket|bucket does not exist|container ?not ?found|specified container", NO_BUCKET, _ENDPOINT, True),
    (
        r"invalid.?(access.?key|client.?token)|signature.?does.?not|expired.?token|UNAUTHENTICATED|credential|\b401\b",
        "the store accepts no credentials of this process",
        _ACCESS,
        True,
    ),
    (
        r"access.?denied|forbidden|permission.?denied|\b403\b",
        "access denied to the credentials of this process, or to a process without any",
        _ACCESS,
        False,  # a store may refuse a single file
    ),
    (
        r"NETWORK_CONNECTION|resolve host|connect|timed? ?out|UNAVAILABLE",
        "the store cannot be reached",
        "Check the network, and the region (AWS_REGION) or endpoint (AWS_ENDPOINT_URL).",
        True,
    ),
)


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
        problem = plain_text.first_line(error).rstrip(".!")
        raise known(path, error) or StoreUnusable(path=path, problem=problem, remedy=_ENDPOINT) from error


def known(path: object, error: Exception) -> StoreUnusable | TableMissing | None:
    """Return the error that says what to do; None if this is no error that stores are known for."""
    for pattern, problem, remedy, is_general in _KNOWN:
        if re.search(pattern, str(error), re.IGNORECASE):
            return StoreUnusable(path=path, problem=problem, remedy=remedy, is_general=is_general)
    return TableMissing(path=path) if isinstance(error, FileNotFoundError) else None
