"""Settings of the monitoring program, from the command line or MONITORING_* variables."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator
from pydantic_settings import BaseSettings, CliPositionalArg, SettingsConfigDict

from models.customer.files.stores import LocalPath, Location
from models.durations import Duration
from models.log.reporters import IMPORT, Reporter, Reporters
from models.times import Time
from monitoring import period
from monitoring.period import Period

Decision = Literal["accept", "retrain", "ignore"]
Reviewer = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]


class CommandSettings(BaseSettings):
    """How every command reads its settings."""

    model_config = SettingsConfigDict(
        env_prefix="MONITORING_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_shortcuts={"from-time": "from", "to-time": "to"},
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # the webhook's address and secret are passwords
    )


class _LogSettings(CommandSettings):
    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log: sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE."""


class JobSettings(_LogSettings):
    """Settings of both jobs."""

    usual_since: ClassVar[str] = "24h"

    since: Duration | None = None
    """Length of the window, as 90m, 24h or 7d; by default 24h. It ends at `--to`, or now."""
    from_time: Time | None = None
    """Start of the window (`--from`) instead of its length, as 2026-03-01T08:00; UTC unless it has a time zone."""
    to_time: Time | None = None
    """End of the window (`--to`); by default now."""
    models_dir: LocalPath = Path("models")
    """Folder of pinned.json and store/."""
    output_dir: Path = Path("var")
    """Folder for reports/ and for the dashboard's workspace/."""
    false_alarms_per_year: float = Field(default=0.5, gt=0)
    """Most false alarms that repeated looks at the log may raise in a year of calm, expected over all of them."""

    @property
    def has_chosen_window(self) -> bool:
        """Whether the window has a given start or end, instead of the last hours or days."""
        return self.from_time is not None or self.to_time is not None

    def period(self, now: datetime) -> Period:
        """Return the window.

        Raises:
            PeriodInvalid: the settings name no window, or two.
        """
        return period.choose(
            since=self.since, from_time=self.from_time, to_time=self.to_time, now=now, usual=self.usual_since
        )


class DriftSettings(JobSettings):
    """Compare what clients sent with the training sample of the pinned model."""

    live: Location | None = None
    """A file to check instead of the log, or a folder of .parquet files, also of an object store as s3://BUCKET/FOLDER."""
    columns: LocalPath | None = None
    """TOML file that maps that file's columns to the contract, as for `fit`; no target is needed."""
    sample_rows: int = Field(default=50_000, ge=1_000)
    """Most rows of the log to compare, or of a file to draw, sampled at random; all rows of a file are compared."""
    min_rows: int = Field(default=200, ge=2)
    """Fewest rows; with fewer the job cannot tell."""
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=1)
    """Share of checks of a file, or of a window with `--from` or `--to`, that may call unchanged customers drifted."""
    min_distance: float = Field(default=0.05, ge=0, lt=1)
    """Distance, from 0 (equal) to 1, below which a column has not drifted, however many rows show a difference."""
    min_drift_share: float = Field(default=0.1, gt=0, le=1)
    """Share of the model's importance in drifted columns from which the verdict is drift."""
    min_loss_fraction: float = Field(default=0.01, ge=0)
    """Expected rise of the cost of decisions, as a fraction of that on the test set, that advises a retraining."""
    max_refused_share: float = Field(default=0.1, ge=0, le=1)
    """Share of requests refused with 422, or of rows of a file that break a rule, above which the job cannot tell."""


class PerformanceSettings(JobSettings):
    """Compare outcomes with the test-set figures of the pinned model."""

    usual_since: ClassVar[str] = "30d"  # because outcomes come late

    since: Duration | None = None
    """Length of the window of predictions, as 90m, 24h or 7d; by default 30d. It ends at `--to`, or now."""
    trusted_reporters: Reporters = None
    """Reporters whose outcomes count, as crm,billing; by default all."""
    min_rows: int = Field(default=200, ge=2)
    """Fewest outcomes; with fewer the job cannot tell, and a segment with fewer has no figures."""
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=1)
    """Share of checks of a window with `--from` or `--to` that may call quality fallen although it is as before."""
    min_fall: float = Field(default=0.02, ge=0, lt=1)
    """Fall of ROC-AUC below the test set's that is tolerated, however many outcomes show it."""
    min_calibration_error: float = Field(default=0.03, ge=0, lt=1)
    """Calibration error that is tolerated, however many outcomes show it."""


class ReviewSettings(CommandSettings):
    """Record a person's decision about a run, and show it on the dashboard."""

    run: CliPositionalArg[str]
    """Name of the run's record without its suffix, its id on the dashboard, or latest: the newest to decide about."""
    decision: Decision
    """`accept` (the run is right, nothing to do), `retrain`, or `ignore` (the run is mistaken)."""
    by: Reviewer
    """Name of the person who decided."""
    why: Reason
    """Reason of the decision."""
    retrain_command: str = ""
    """What is started after `retrain`, with the run's record as last word; by default the command to run is shown."""
    output_dir: Path = Path("var")
    """Folder of reports/ and of the dashboard's workspace/."""


class DashboardSettings(CommandSettings):
    """Serve the dashboard, where a person decides about runs."""

    output_dir: Path = Path("var")
    """Folder of reports/ and of the dashboard's workspace/."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of the machine, which needs keys."""
    port: int = Field(default=8001, ge=1, le=65535)
    """Port to listen on."""
    keys_file: Path | None = None
    """The service's file of API keys, whose scope `review` opens the dashboard; by default no key is asked for."""
    retrain_command: str = ""
    """What is started after `retrain`, with the run's record as last word; by default the command to run is shown."""

    @field_validator("keys_file", mode="before")
    @classmethod
    def _blank_is_no_file(cls, given: object) -> object:
        return None if isinstance(given, str) and not given.strip() else given


class MigrateSettings(_LogSettings):
    """Create the prediction log's tables, or upgrade them to this version."""


class WatchSettings(CommandSettings):
    """Run both jobs on a schedule, and serve their results to Prometheus."""

    drift_every: Duration = "1h"
    """Time from one drift run to the next, as 90m, 24h or 7d."""
    drift_since: Duration = "24h"
    """Length of the drift job's window, as 90m, 24h or 7d; it ends when the job runs."""
    performance_every: Duration = "24h"
    """Time from one performance run to the next, as 90m, 24h or 7d."""
    performance_since: Duration = "30d"
    """Length of the performance job's window of predictions, as 90m, 24h or 7d."""
    advance_every: Duration | None = None
    """Time from one `python -m training advance` to the next, as 90m, 24h or 7d; by default none runs."""
    keep_runs: Duration = "14d"
    """Age at which runs are removed, as 90m, 24h or 7d; a run takes 4 MB of disk and 1 MB of the dashboard's memory."""
    max_run: Duration = "30m"
    """Time limit of a run, as 90m, 24h or 7d; a longer run is ended, and recorded as one that could not tell."""
    models_dir: LocalPath = Path("models")
    """Folder of pinned.json and store/."""
    output_dir: Path = Path("var")
    """Folder for reports/ and for the dashboard's workspace/."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of the machine."""
    port: int = Field(default=8002, ge=0, le=65535)
    """Port of /metrics; 0 takes a free one and logs it."""


class ImportOutcomesSettings(_LogSettings):
    """Record outcomes from a file."""

    file: CliPositionalArg[Location]
    """A table with prediction_id, churned and observed_at; rejected rows go to .rejected.csv."""
    columns: LocalPath | None = None
    """TOML file that maps the file's columns under [outcomes], and says under [csv] how it is written."""
    reported_by: Reporter = IMPORT
    """Name of the reporter, for `--trusted-reporters`: the source of the file, as crm."""


class ImportTreatmentsSettings(_LogSettings):
    """Record treatments from a file."""

    file: CliPositionalArg[Location]
    """A table with prediction_id, offer and given_at; rejected rows go to .rejected.csv."""
    columns: LocalPath | None = None
    """TOML file that maps the file's columns under [treatments], and says under [csv] how it is written."""
    reported_by: Reporter = IMPORT
    """Name of the reporter: the source of the file, as crm."""


class PruneSettings(_LogSettings):
    """Delete old rows of the prediction log, and old runs on request."""

    keep_days: int = Field(default=365, ge=1, le=36_500)
    """Age, in days, at which rows are deleted; in PostgreSQL, and with `--export`, when their whole week is so old."""
    export: Path | None = None
    """Folder to which each old week is written as a Parquet file before it is deleted; by default none is written."""
    keep_runs: Duration | None = None
    """Age at which runs of the monitor are removed, as 90m, 24h or 7d; by default all stay."""
    output_dir: Path = Path("var")
    """Folder of reports/ and of the dashboard's workspace/."""
