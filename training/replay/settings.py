"""Settings of `python -m training replay` and `retire`, from the command line or TRAINING_* variables."""

from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints
from pydantic_settings import CliPositionalArg

from models.customer.files.stores import LocalPath
from models.durations import Duration
from training.settings import StoreSettings

PredictionId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class ReplaySettings(StoreSettings):
    """Compute a logged prediction again, and compare it with what was answered."""

    prediction: CliPositionalArg[PredictionId]
    """Id of the prediction, as the service answered it: 32 hex digits."""
    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log, SQLite or PostgreSQL."""
    live: LocalPath | None = None
    """Folder of the weeks that `prune --export` wrote; the prediction is read from there instead of the log."""
    answer: LocalPath | None = None
    """JSON file with the answer of the service, as the client kept it, which is compared as well."""
    report: Path | None = None
    """File to write the result to, as JSON."""


class RetireSettings(StoreSettings):
    """Remove bundles from the store that have not served for long, and that MLflow's registry has."""

    keep_for: Duration | None = None
    """Time since a model last served or was tried, or was trained if it never was, as 90d; by default all are kept."""
