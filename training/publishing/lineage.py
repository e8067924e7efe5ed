"""Where training rows came from, as MLflow's dataset source: plain MLflow reads it back, and it holds no password."""

import hashlib
from pathlib import Path

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.dataset_source import DatasetSource
from mlflow.data.dataset_source_registry import resolve_dataset_source

from models.addresses import redact_passwords
from models.customer.files import stores
from training.data import sources
from training.settings import FitSettings


def source(settings: FitSettings) -> DatasetSource:
    """Describe the source of a fit: a file without live rows as a local file, every other source by tags.

    MLflow has no kind of source for a database or every object store, and could not read one that is defined here.
    """
    base = settings.base
    if base is not None and settings.base_kind == "file" and not settings.with_live and not stores.is_address(base):
        return resolve_dataset_source(str(Path(base).resolve()))
    tags = {**(_base(settings, base) if base is not None else {}), **(_live(settings) if settings.with_live else {})}
    return CodeDatasetSource({name: str(value) for name, value in tags.items() if value is not None})


def title(settings: FitSettings) -> str:
    """Name the source in short: the name of its file or database, `synthetic` or `live`."""
    base = [] if settings.base is None else [sources.name(settings).partition("(")[0]]
    return " and ".join([*base, *(["live"] if settings.with_live else [])])


def name(settings: FitSettings, described: DatasetSource) -> str:
    """Name a data set by its source: MLflow keeps one source for all data sets of the same name and content."""
    return f"{title(settings)} {hashlib.sha256(described.to_json().encode()).hexdigest()[:8]}"


def _base(settings: FitSettings, base: str) -> dict[str, object]:
    if settings.base_kind == "synthetic":
        return {"synthetic_rows": settings.rows, "synthetic_seed": settings.seed}
    if settings.base_kind == "file":
        return {"file": stores.locate(base).resolve()}
    return {"database": redact_passwords(base), "query": redact_passwords(settings.query or "")}


def _live(settings: FitSettings) -> dict[str, object]:
    return {
        "prediction_log": redact_passwords(settings.log_url),
        "since": settings.since,
        "mature_after": settings.mature_after,
        "outcomes_known": settings.outcomes_known,
        "trusted_reporters": settings.trusted_reporters,
    }
