"""Connects to object stores, with the variables and files of their own tools."""

import os
from datetime import timedelta
from typing import Any

from models.customer.files import azure_account

GOOGLE_EMULATORS = ("CLOUD_STORAGE_EMULATOR_ENDPOINT", "STORAGE_EMULATOR_HOST")
"""The variables of Google's libraries for C++, and for Python and Go."""
_ATTEMPTS, _SECONDS = 3, 10


def connect(root: str) -> tuple[Any, str]:
    """Return pyarrow's file system for a bucket such as `s3://lake`, and the bucket's path in it.

    Raises:
        StoreUnusable: a variable cannot be read.
        OSError: S3 does not say in which region the bucket is.
    """
    from pyarrow import fs  # noqa: PLC0415  # the service reads no tables, and its settings need no pyarrow

    scheme, _, bucket = root.partition("://")
    if scheme == "s3":
        return _s3(fs, bucket), bucket
    if scheme == "gs":
        return _google(fs), bucket
    split = azure_account.split(bucket)
    assert split, "an address that is none was let in"  # noqa: S101  # `stores.locate` refuses it
    container, endpoint = split
    return fs.AzureFileSystem(**azure_account.options(endpoint, os.environ)), container


def _s3(fs: Any, bucket: str) -> Any:
    """Connect to AWS, or to the endpoint that AWS's variables name: pyarrow knows the others, but not these."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    where = {"region": region or ("us-east-1" if endpoint else fs.resolve_s3_region(bucket))}
    if endpoint:
        scheme, _, host = endpoint.rpartition("://")
        where |= {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"}
    retry = fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS)
    return fs.S3FileSystem(retry_strategy=retry, connect_timeout=_SECONDS, **where)


def _google(fs: Any) -> Any:
    """Connect to Google, or without credentials to an emulator: pyarrow would ask Google for a token first."""
    retry = timedelta(seconds=_SECONDS)
    emulator = next(filter(None, map(os.environ.get, GOOGLE_EMULATORS)), None)
    if not emulator:
        return fs.GcsFileSystem(retry_time_limit=retry)
    scheme, _, host = emulator.rpartition("://")
    where = {"endpoint_override": host.rstrip("/"), "scheme": scheme or "http"}
    return fs.GcsFileSystem(anonymous=True, retry_time_limit=retry, **where)
