"""Follows the folder of artifacts when it is moved: MLflow keeps absolute paths, and would make the old folder again.

Only a database without a server is concerned. MLflow itself cannot change where an experiment or a run is.
"""

import logging
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import sqlalchemy as sa

from training.errors import TrackingFailed

_PATHS = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Columns of MLflow's tables with paths of artifacts."""

logger = logging.getLogger(__name__)


def follow(uri: str, location: str, folder: Path) -> None:
    """Change MLflow's paths if the database lies beside `folder`, and was moved or copied there with it.

    `location` is where MLflow keeps the artifacts of the experiment.

    Raises:
        TrackingFailed: that folder is gone, and the database lies elsewhere.
    """
    kept, ours = _local(location), folder.resolve()
    if kept is None or kept.resolve() == ours:
        return
    if _holds(ours.parent, uri) and (ours.is_dir() or not kept.is_dir()):
        _change(uri, location.rstrip("/"), ours.as_uri())
        logger.warning("the artifacts of MLflow were moved from %s to %s; its paths now say so", kept, ours)
    elif not kept.is_dir():
        problem = f"it keeps artifacts in {kept}, and there is no such folder"
        remedy = f"Make that folder, or a link from there to where they are: `ln -s {ours} {kept}`."
        raise TrackingFailed(uri=uri, problem=problem, remedy=remedy)


def _local(location: str) -> Path | None:
    """Return the folder of a location; None if it is not on this machine."""
    parts = urlsplit(location)
    if parts.scheme not in ("", "file"):
        return None
    return Path(url2pathname(parts.path) if parts.scheme else location)


def _holds(folder: Path, uri: str) -> bool:
    url = sa.make_url(uri)
    return url.get_backend_name() == "sqlite" and Path(url.database or "").resolve().parent == folder


def _change(uri: str, old: str, new: str) -> None:
    engine = sa.create_engine(uri)
    try:
        with engine.begin() as connection:
            for name, columns in _PATHS.items():
                table = sa.table(name, *map(sa.column, columns))
                for column in table.c:
                    moved = sa.literal(new).concat(sa.func.substr(column, len(old) + 1))
                    is_inside = sa.or_(column == old, column.startswith(f"{old}/", autoescape=True))
                    connection.execute(sa.update(table).where(is_inside).values({column.name: moved}))
    finally:
        engine.dispose()
