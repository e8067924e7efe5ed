"""What can be set for monitoring, by flags or by MONITORING_* variables."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, CliPositionalArg, SettingsConfigDict

from models import durations
from monitoring import period
from monitoring.period import Period


def _in_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_in_utc)]
Decision = Literal["accept", "retrain", "ignore"]


class _CommandSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="MONITORING_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_shortcuts={"from-time": "from", "to-time": "to"},
        use_attribute_docstrings=True,
    )


class _LogSettings(_CommandSettings):
    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log: sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE."""


class JobSettings(_LogSettings):
    """What both jobs need."""

    usual_since: ClassVar[str] = "24h"

    since: str | None = Field(default=None, pattern=durations.PATTERN)
    """Length of the window, as 90m, 24h or 7d; 24h when nothing is said. It ends at `--to`, or now."""
    from_time: Time | None = None
    """Beginning of the window instead (`--from`), as 2026-03-01T08:00; UTC unless it names its zone."""
    to_time: Time | None = None
    """End of the window (`--to`); now when nothing is said."""
    models_dir: Path = Path("models")
    """Folder of pinned.json and store/."""
    output_dir: Path = Path("var")
    """Folder for reports/ and for the dashboard's workspace/."""

    def period(self, now: datetime) -> Period:
        """Return the window that was asked for.

        Raises:
            PeriodInvalid: there is none.
        """
        return period.choose(
            since=self.since, from_time=self.from_time, to_time=self.to_time, now=now, usual=self.usual_since
        )


class DriftSettings(JobSettings):
    """Compare what clients sent with the sample that the pinned model was trained on."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring drift")

    live: Path | None = None
    """A file to judge instead of the log: .csv, .parquet or .jsonl with the contract's columns."""
    sample_rows: int = Field(default=50_000, ge=1_000)
    """Most rows that are judged, drawn by chance from all."""
    min_rows: int = Field(default=200, ge=2)
    """Fewer rows than this cannot tell."""
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=1)
    """Share of runs over unchanged customers in which any column may be called drifted."""
    min_distance: float = Field(default=0.05, ge=0, lt=1)
    """Distance, 0 alike to 1 apart, below which a column has not drifted, however many rows prove a difference."""
    min_drift_share: float = Field(default=0.1, gt=0, le=1)
    """Share of the model's importance that may be in drifted columns; from here on it is drift."""


class PerformanceSettings(JobSettings):
    """Compare what the pinned model's predictions came to with what its test set promised."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring performance")
    usual_since: ClassVar[str] = "30d"  # because outcomes come late

    since: str | None = Field(default=None, pattern=durations.PATTERN)
    """Length of the window of predictions, as 24h or 90d; 30d when nothing is said. It ends at `--to`, or now."""
    min_rows: int = Field(default=200, ge=2)
    """Fewer outcomes than this cannot tell; fewer in a segment have no figures."""
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=1)
    """Share of runs that may report a fall of a model as good as ever."""
    min_fall: float = Field(default=0.02, ge=0, lt=1)
    """ROC-AUC, below the test set's, that is no fall yet, however many outcomes prove it."""
    min_calibration_error: float = Field(default=0.03, ge=0, lt=1)
    """Mean distance between probabilities and what happened that is no fall yet, however many outcomes prove it."""


class ReviewSettings(_CommandSettings):
    """Keep with a run what somebody decided, and show it on the dashboard."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring review")

    run: CliPositionalArg[str]
    """The name of the run's record without its ending, its id on the dashboard, or latest."""
    decision: Decision
    """What follows: accept (the world is as the run says, nothing to do), retrain, or ignore (the run is mistaken)."""
    by: str = Field(min_length=1)
    """Who decided."""
    why: str = Field(min_length=1)
    """The reason."""
    output_dir: Path = Path("var")
    """Folder of reports/ and of the dashboard's workspace/."""


class DashboardSettings(_CommandSettings):
    """Show the runs so far."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring dashboard")

    output_dir: Path = Path("var")
    """Folder of the dashboard's workspace/."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of the machine."""
    port: int = Field(default=8001, ge=1, le=65535)
    """Port to listen on."""


class MigrateSettings(_LogSettings):
    """Create the prediction log, or bring it up to this version."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring migrate")


class WatchSettings(_CommandSettings):
    """Run the drift and the performance job by the clock, and serve what they find to Prometheus."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring watch")

    drift_every: str = Field(default="1h", pattern=durations.PATTERN)
    """Time from one drift run to the next, as 30m or 1h."""
    drift_since: str = Field(default="24h", pattern=durations.PATTERN)
    """Length of its window, which ends when it runs."""
    performance_every: str = Field(default="24h", pattern=durations.PATTERN)
    """Time from one performance run to the next."""
    performance_since: str = Field(default="30d", pattern=durations.PATTERN)
    """Length of its window of predictions."""
    keep_runs: str = Field(default="14d", pattern=durations.PATTERN)
    """Age from which on runs are removed; one takes 4 MB of disk, and 1 MB of the dashboard's memory."""
    max_run: str = Field(default="30m", pattern=durations.PATTERN)
    """Longest run; one that takes longer is ended, and could not tell."""
    output_dir: Path = Path("var")
    """Folder for reports/ and for the dashboard's workspace/."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of the machine."""
    port: int = Field(default=8002, ge=0, le=65535)
    """Port of /metrics; 0 takes a free one and logs it."""


class ImportSettings(_LogSettings):
    """Record what became of customers, from a file."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring import-outcomes")

    file: CliPositionalArg[Path]
    """A .csv or .parquet file with prediction_id, churned and observed_at; rejected rows go to .rejected.csv."""


class PruneSettings(_LogSettings):
    """Delete what is old from the prediction log, and runs of the monitor if asked to."""

    model_config = SettingsConfigDict(cli_prog_name="python -m monitoring prune")

    keep_days: int = Field(default=365, ge=1, le=36_500)
    """Age, in days, from which on predictions are deleted with their outcomes, and counts of requests as well."""
    keep_runs: str | None = Field(default=None, pattern=durations.PATTERN)
    """Age from which on runs of the monitor are removed, as 14d; all stay when nothing is said."""
    output_dir: Path = Path("var")
    """Folder of reports/ and of the dashboard's workspace/."""
