"""Settings of the training program, from the command line or TRAINING_* variables."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, CliPositionalArg, SettingsConfigDict

from models.bundles.pins import VERSION
from models.customer.files import stores
from models.customer.files.stores import LocalPath, Location
from models.durations import Duration
from models.log.reporters import Reporters

LIVE = "live"
_APPENDED = f",{LIVE}"


class JobSettings(BaseSettings):
    """How every command reads its settings."""

    model_config = SettingsConfigDict(
        env_prefix="TRAINING_",
        env_ignore_empty=True,  # a workflow sets each variable, also those that nobody gave a value
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        use_attribute_docstrings=True,
    )


class StoreSettings(JobSettings):
    """Where models are stored, and where MLflow is."""

    models_dir: LocalPath = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""
    output_dir: Path = Path("var")
    """Folder for mlflow.db and artifacts/, if MLflow has no server."""
    tracking_uri: str | None = Field(default=None, validation_alias=AliasChoices("tracking_uri", "MLFLOW_TRACKING_URI"))
    """MLflow's server or database; by default mlflow.db in the output folder."""

    @property
    def mlflow(self) -> str:
        """The address of MLflow's server or database."""
        return self.tracking_uri or f"sqlite:///{self.output_dir / 'mlflow.db'}"


def _version(text: str) -> str:
    if not re.fullmatch(VERSION, text):
        raise PydanticCustomError(
            "version", "a version is a folder of models/store, or the beginning of one: 20260301-1a2b"
        )
    return text


Version = Annotated[str, AfterValidator(_version)]


def _cluster(text: str) -> str:
    if not re.fullmatch(r"local:[1-9]\d{0,2}|(tcp|tls)://[^\s/]+:\d+", text):
        raise PydanticCustomError("cluster", "a cluster is local:N, tcp://HOST:PORT or tls://HOST:PORT")
    return text


Cluster = Annotated[str, AfterValidator(_cluster)]


def _whole(value: Any) -> Any:
    """Read an integer from the text of a command line."""
    return int(value) if value in ("-1", "1", "+1") else value


class FitSettings(StoreSettings):
    """Train, evaluate, log and publish a model."""

    data: str = "synthetic"
    """`synthetic`, a file or folder, a database URL, or `live`; `,live` after another one appends live rows."""
    query: str | None = None
    """SQL that selects the rows; required with a database URL."""
    columns: LocalPath | None = None
    """TOML file that maps the source's columns to the contract; by default the columns have the contract's names."""
    rows: int = Field(default=20_000, ge=1)
    """Size of the synthetic population, in rows."""
    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log that live rows are read from, SQLite or PostgreSQL."""
    since: Duration | None = None
    """Age of the oldest predictions that become live rows, as 90m, 24h or 7d; by default all."""
    mature_after: Duration | None = None
    """Age at which nearly all outcomes have arrived, as 90m, 24h or 7d; younger predictions are left out."""
    outcomes_known: Literal["recorded", "observed"] = "recorded"
    """When an outcome became known: `recorded` in the log, or `observed` if outcomes were imported much later."""
    trusted_reporters: Reporters = None
    """Reporters whose outcomes become live rows, as crm,billing; by default all. The gate trusts only those named."""
    seed: int = Field(default=7, ge=0)
    """Seed of the synthetic population, the folds, the fit and the bootstrap; the test set does not depend on it."""
    threads: int = Field(default=1, ge=1)
    """CPU threads of a fit; more threads are faster, and may change the last digits of a model."""
    edges: int | None = Field(default=None, ge=2, le=255)
    """Most thresholds of a column; the table is then read in parts. By default only above 5,000,000 rows, with 255."""
    cluster: Cluster | None = None
    """Where a table is fitted in parts: `local:4` for 4 processes, or the scheduler of Dask as tcp://HOST:PORT."""
    partition_column: str | None = None
    """Numeric column of the query; a database is then read by ranges of it, in parts, with 255 edges or `edges`."""
    trials: int = Field(default=0, ge=0)
    """Trials of the parameter search; 0 takes the best of four presets. An interrupted search continues."""
    costs: Path | None = None
    """TOML file with the costs of errors, which set threshold and tiers; by default these are 0.5, 0.4 and 0.7."""
    monotone: dict[str, Annotated[Literal[-1, 1], BeforeValidator(_whole)]] = {}
    """Features with a monotone effect, rising (1) or falling (-1), as tenure_months=-1."""
    time_column: str | None = None
    """Column of the source with the time of each row; the test set is then the latest fifth of the rows."""
    time_format: str | None = None
    """Format of these times, as %d.%m.%Y; by default that of the columns file, ISO 8601, or numbers of one clock."""
    group_column: str | None = None
    """Column of the source with the id of each row's customer; no customer is both trained on and tested on."""
    slices: list[str] = []
    """Columns of the source to evaluate the model by, besides every feature."""
    min_slice_roc_auc: float = Field(default=0, ge=0, lt=1)
    """Lowest ROC-AUC allowed in a group of at least 100 test rows; a model below it is not published."""
    on_leak: Literal["stop", "warn"] = "stop"
    """If a single feature predicts the outcome: `stop` without a model, or `warn` in its card."""
    pin: bool = False
    """Serve the new model; the first model is always pinned."""

    @property
    def with_live(self) -> bool:
        """Whether live rows are used."""
        return self.data == LIVE or self.data.endswith(_APPENDED)

    @property
    def base(self) -> str | None:
        """The source besides live rows; None if live rows are the only source."""
        return None if self.data == LIVE else self.data.removesuffix(_APPENDED)

    @property
    def base_kind(self) -> Literal["synthetic", "database", "file"] | None:
        """The kind of `base`."""
        if self.base is None:
            return None
        if self.base == "synthetic":
            return "synthetic"
        return "database" if "://" in self.base and not stores.is_address(self.base) else "file"


class ScoreSettings(JobSettings):
    """Score a file, or all files of a folder, with the pinned model."""

    input: CliPositionalArg[Location]
    """File or folder to score, also in an object store: .csv, .tsv, .jsonl, .xlsx or .parquet."""
    output: CliPositionalArg[Location]
    """File to write, .csv or .parquet; or a folder, which gets a file for each file of the input folder."""
    columns: LocalPath | None = None
    """TOML file that maps the file's columns to the contract, as for `fit`; no target is needed."""
    max_rejected_fraction: float = Field(default=0.05, ge=0, le=1)
    """Share of rejected rows of a file above which it is not written; 1 allows all."""
    processes: int = Field(default=1, ge=1)
    """Files of a folder that are scored at the same time, each by a process of its own."""
    cluster: Cluster | None = None
    """Where the files of a folder are scored instead: the scheduler of Dask at tcp://host:port, or `local:4`."""
    models_dir: LocalPath = Path("models")
    """Folder of pinned.json and store/."""


class PromoteSettings(StoreSettings):
    """Replace the champion by a challenger if the promotion gate passes it."""

    version: CliPositionalArg[Version | None] = None
    """Version of the challenger, or its beginning; by default the newest bundle in the store."""
    roc_auc_margin: float = Field(default=0.005, ge=0)
    """ROC-AUC by which the challenger may be worse, at the lower end of the 95 % interval."""
    brier_margin: float = Field(default=0.002, ge=0)
    """Brier score by which the challenger may be worse, at the lower end of the 95 % interval."""
    cost_margin_fraction: float = Field(default=0.01, ge=0)
    """Cost of decisions by which the challenger may be worse, as a fraction of the champion's, likewise."""
    min_slice_roc_auc: float = Field(default=0.5, ge=0, lt=1)
    """ROC-AUC of which the challenger may not surely fall short (whole 95 % interval) in a group of 100 or more."""
    slice_margin: float = Field(default=0.05, ge=0)
    """ROC-AUC by which the challenger may be worse in a group, where that is more than chance."""
    max_latency_ratio: float = Field(default=2, gt=0)
    """Largest ratio of the challenger's time to score one customer to the champion's."""
    min_rows: int = Field(default=500, ge=1)
    """Fewest customers that neither model was trained on; with fewer the gate cannot tell."""
    max_reporter_share: float = Field(default=0.9, gt=0, le=1)
    """Share of live rows from which one reporter gives too many, unless `--trusted-reporters` named it."""
    report: Path | None = None
    """File to write the result to, as Markdown for a pull request."""


class RollbackSettings(StoreSettings):
    """Serve an earlier model again."""

    version: CliPositionalArg[Version | None] = None
    """Version of the model, or its beginning, from the store or MLflow's registry; by default the previous champion."""
    why: str = Field(default="asked for by hand", max_length=1_000)
    """Reason, for the history."""


class ChallengeSettings(StoreSettings):
    """Run a challenger beside the champion, or stop it."""

    version: CliPositionalArg[Version | None] = None
    """Version of the challenger, or its beginning; by default the newest bundle in the store."""
    mode: Literal["shadow", "canary"] = "shadow"
    """`shadow` scores every customer and answers none; `canary` answers a share of those with a customer_id."""
    share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the customers that a canary answers."""
    stop: bool = False
    """Remove the current challenger."""
    why: str = Field(default="asked for by hand", max_length=1_000)
    """Reason, for the history."""


class HistorySettings(JobSettings):
    """List which model was served when, and why."""

    models_dir: LocalPath = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""


class CompareLiveSettings(JobSettings):
    """Compare champion and challenger on logged predictions and their outcomes."""

    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log, SQLite or PostgreSQL."""
    since: Duration | None = None
    """Age of the oldest predictions, as 90m, 24h or 7d; by default since the challenger started."""
    mature_after: Duration | None = None
    """Age at which nearly all outcomes have arrived, as 90m, 24h or 7d; younger predictions are left out."""
    min_rows: int = Field(default=500, ge=1)
    """Fewest outcomes of either model; with fewer the command cannot tell."""
    horizon_rows: int = Field(default=5_000, ge=1)
    """Outcomes at which the intervals are narrowest; choose it before the trial, and keep it."""
    trusted_reporters: Reporters = None
    """Reporters whose outcomes count, as crm,billing; by default all."""
    models_dir: LocalPath = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""
