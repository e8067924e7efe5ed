"""Converts exceptions of MLflow to one error, with the remedy that fits."""

import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from models.addresses import redact_passwords
from training.errors import TrackingFailed, cause

_ADDRESSES = "sqlite:///var/mlflow.db, postgresql://user@host/database or http://host:5000"
_KINDS: tuple[tuple[str, str | None, str], ...] = (
    (
        "deleted state|must be in the 'active' state",
        "the run or its experiment was deleted",
        "Restore it with `.venv/bin/mlflow runs restore` or `.venv/bin/mlflow experiments restore`.",
    ),
    (
        "Invalid Host header",
        "the server does not accept this name of its host",
        "Start it with `--allowed-hosts` and the host of MLFLOW_TRACKING_URI.",
    ),
    (
        "error code 40[13]|UNAUTHENTICATED|PERMISSION_DENIED",
        None,
        "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
    ),
    (
        "out-of-date database schema|Can't locate revision",
        "its tables are of another version of MLflow",
        "Back the database up and run `.venv/bin/mlflow db upgrade` with its address, or install the newer MLflow.",
    ),
    (
        "filesystem tracking backend",
        "MLflow no longer keeps runs in a folder",
        "Set MLFLOW_TRACKING_URI to sqlite:///var/mlflow.db; `.venv/bin/mlflow migrate-filestore` moves the runs.",
    ),
    ("unsupported URI", "MLflow knows no such kind of address", f"Set MLFLOW_TRACKING_URI, as {_ADDRESSES}."),
    (
        "No module named|Can't load plugin",
        "the driver of its database is not installed",
        f"Install it in .venv, or set MLFLOW_TRACKING_URI, as {_ADDRESSES}.",
    ),
    ("file is not a database|image is malformed", None, "Restore that file from a backup, or move it away."),
    ("database is locked|another process held", None, "Try again when the other program has ended."),
    (
        "readonly database|unable to open database file|Permission denied|Read-only file system",
        None,
        "Make the output folder and its files writable, or set --output-dir and MLFLOW_TRACKING_URI.",
    ),
    ("No space left|disk is full", None, "Make room on that disk."),
    ("error code 5[0-9][0-9]|too many 5[0-9][0-9] error", None, "The log of the server says more."),
)
"""What the texts of the exceptions hold, the problem in our words or None for theirs, and the remedy."""
_UNREACHABLE = re.compile(
    "Connection refused|timed out|Max retries exceeded|[Nn]ame or service not known|Failed to resolve|"
    "could not translate host name|connection failed|No route to host|Connection reset|Connection aborted"
)


@contextmanager
def convert(uri: str) -> Iterator[None]:
    """Convert every exception of MLflow to one error.

    Raises:
        TrackingFailed: MLflow raised an exception.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # MLflow warns about pickle and integer columns
            yield
    except TrackingFailed:
        raise
    except Exception as error:  # MLflow passes on exceptions of SQLAlchemy, Alembic and requests
        raise _converted(uri, error) from error


def deleted(uri: str, experiment_id: str) -> TrackingFailed:
    """Return the error of an experiment that was deleted, with the command that restores it."""
    command = f".venv/bin/mlflow experiments restore --experiment-id {experiment_id}"
    remedy = f"Restore it with `MLFLOW_TRACKING_URI={shlex.quote(redact_passwords(uri))} {command}`."
    return TrackingFailed(uri=uri, problem="the experiment of this project was deleted", remedy=remedy)


def _converted(uri: str, error: Exception) -> TrackingFailed:
    said = "\n".join(str(one) for one in _chain(error))
    is_server = uri.startswith(("http://", "https://"))
    if _UNREACHABLE.search(said):
        remedy = f"Start the {'server' if is_server else 'database'}, or set MLFLOW_TRACKING_URI."
        return TrackingFailed(uri=uri, problem=cause(error), remedy=remedy)
    for pattern, problem, remedy in _KINDS:
        if re.search(pattern, said):
            return TrackingFailed(uri=uri, problem=problem or cause(error), remedy=remedy)
    return TrackingFailed(uri=uri, problem=cause(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
