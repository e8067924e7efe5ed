"""Settings of `python -m training contract`, from the command line or TRAINING_* variables."""

from pathlib import Path

from pydantic_settings import CliPositionalArg

from models.customer.files.stores import LocalPath
from training.settings import JobSettings, Version

DRAFT_DIR = Path("var", "draft")
"""The folder that belongs to drafts; files in any other are never overwritten."""


class DiffSettings(JobSettings):
    """Compare models/features.py with the contract of a model."""

    against: Version | None = None
    """Version of a model of the store, or its beginning; by default the pinned one."""
    models_dir: LocalPath = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""


class DraftSettings(JobSettings):
    """Write a first features.py and columns file from a table."""

    data: CliPositionalArg[str]
    """Table of customers: .csv, .tsv, .jsonl, .xlsx, .parquet, a folder of .parquet files, or a database URL."""
    query: str | None = None
    """SQL that selects the rows; required with a database URL."""
    columns: LocalPath | None = None
    """TOML file whose [csv], [target] and never_features are kept, where looking at the table finds others."""
    target: str | None = None
    """Column of the outcome; by default one of two values with a name such as Churn, Exited or Attrition."""
    output_dir: Path = DRAFT_DIR
    """Folder for features.py and columns.toml; only those in var/draft are overwritten."""
