"""What can be set for training, from the command line or by TRAINING_* variables."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import BaseSettings, CliPositionalArg, SettingsConfigDict

from models import durations
from models.bundles.pins import VERSION

LIVE = "live"
_APPENDED = f",{LIVE}"


class _JobSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="TRAINING_",
        env_ignore_empty=True,  # a workflow sets each variable, also those that nobody gave a value
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
    )


class StoreSettings(_JobSettings):
    """Where models are, and where MLflow is."""

    models_dir: Path = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""
    output_dir: Path = Path("var")
    """Folder for mlflow.db and artifacts/, where MLflow has no server."""
    tracking_uri: str | None = Field(default=None, validation_alias=AliasChoices("tracking_uri", "MLFLOW_TRACKING_URI"))
    """MLflow's server or database; by default mlflow.db in the output folder."""

    @property
    def mlflow(self) -> str:
        """Where MLflow is."""
        return self.tracking_uri or f"sqlite:///{self.output_dir / 'mlflow.db'}"


def _whole(value: Any) -> Any:
    """Read a whole number that a command line gives as text."""
    return int(value) if value in ("-1", "1", "+1") else value


class FitSettings(StoreSettings):
    """Train, evaluate, log and publish a model."""

    model_config = SettingsConfigDict(cli_prog_name="python -m training fit")

    data: str = "synthetic"
    """`synthetic`, a .csv or .parquet file, a database URL, or `live`; `,live` behind another adds live rows to it."""
    query: str | None = None
    """SQL that selects the rows; needed with a database URL."""
    columns: Path | None = None
    """TOML file that maps the source's columns to the contract; without it they are named as the contract's."""
    rows: int = Field(default=20_000, ge=1)
    """Size of the synthetic population, in rows."""
    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log that live rows are read from, SQLite or PostgreSQL."""
    since: str | None = Field(default=None, pattern=durations.PATTERN)
    """Age of the oldest predictions that become live rows, as 24h or 90d; all when nothing is said."""
    mature_after: str | None = Field(default=None, pattern=durations.PATTERN)
    """Age at which nearly all outcomes have come, as 30d; no younger prediction is learned from or judged on."""
    outcomes_known: Literal["recorded", "observed"] = "recorded"
    """When an outcome could be learned from: `recorded` in the log, or `observed`, if it was imported long after."""
    seed: int = Field(default=7, ge=0)
    """Seed of the population, the split, the folds, the fit and the bootstrap."""
    threads: int = Field(default=1, ge=1)
    """CPU threads of a fit; more are faster, and may change the last digits of a model."""
    trials: int = Field(default=0, ge=0)
    """Length of the search for parameters; 0 takes the usual ones. A search that was stopped goes on."""
    costs: Path | None = None
    """TOML file with what errors cost; threshold and tiers are made from it, and are 0.5, 0.4 and 0.7 without."""
    monotone: dict[str, Annotated[Literal[-1, 1], BeforeValidator(_whole)]] = {}
    """Features whose effect may only rise or fall, as tenure_months=-1."""
    time_column: str | None = None
    """Column of the source that says when; the model is then tested on the latest fifth of the rows."""
    slices: list[str] = []
    """Columns of the source by which quality is shown, beside every feature."""
    min_slice_roc_auc: float = Field(default=0, ge=0, lt=1)
    """Least ROC-AUC of every group of 100 test rows and more; a model that misses it is not published."""
    on_leak: Literal["stop", "warn"] = "stop"
    """What follows when a feature alone tells the outcome: no model, or a warning in its card."""
    pin: bool = False
    """Serve the new model; the first model ever is always pinned."""

    @property
    def with_live(self) -> bool:
        """Whether what the service predicted is learned from."""
        return self.data == LIVE or self.data.endswith(_APPENDED)

    @property
    def base(self) -> str | None:
        """What live rows are appended to, or the only source; None where there are live rows only."""
        return None if self.data == LIVE else self.data.removesuffix(_APPENDED)


class ScoreSettings(_JobSettings):
    """Score a file of customers with the pinned model."""

    model_config = SettingsConfigDict(cli_prog_name="python -m training score")

    input: CliPositionalArg[Path]
    """File to score, .csv or .parquet."""
    output: CliPositionalArg[Path]
    """File to write, .csv or .parquet; rows that cannot be scored go to OUTPUT's name with .rejected.csv."""
    columns: Path | None = None
    """TOML file that maps the file's columns to the contract, as for a fit; no target is needed."""
    models_dir: Path = Path("models")
    """Folder of pinned.json and store/."""


class PromoteSettings(StoreSettings):
    """Let a challenger take the champion's place if it is better and in nothing worse."""

    model_config = SettingsConfigDict(cli_prog_name="python -m training promote")

    version: CliPositionalArg[str | None] = Field(default=None, pattern=VERSION)
    """The challenger; by default the newest bundle of the store."""
    roc_auc_margin: float = Field(default=0.005, ge=0)
    """ROC-AUC by which the challenger may be worse, at the lower end of the 95 % interval."""
    brier_margin: float = Field(default=0.002, ge=0)
    """The same of the Brier score."""
    cost_margin_fraction: float = Field(default=0.01, ge=0)
    """The same of the cost of decisions, as a fraction of the champion's."""
    min_slice_roc_auc: float = Field(default=0.5, ge=0, lt=1)
    """Least ROC-AUC of the challenger in every group of 100 customers and more."""
    slice_margin: float = Field(default=0.05, ge=0)
    """ROC-AUC by which the challenger may surely be worse in a group."""
    max_latency_ratio: float = Field(default=2, gt=0)
    """Longest time to score one customer, in times of the champion's."""
    min_rows: int = Field(default=500, ge=1)
    """Fewest customers that neither model learned from; with fewer nobody can tell."""
    report: Path | None = None
    """File to write the result to as Markdown, for a pull request."""


class RollbackSettings(StoreSettings):
    """Serve an earlier model again."""

    model_config = SettingsConfigDict(cli_prog_name="python -m training rollback")

    version: CliPositionalArg[str | None] = Field(default=None, pattern=VERSION)
    """The model, from the store or MLflow's registry; by default the champion before this one."""
    why: str = "asked for by hand"
    """Reason, for the history."""


class ChallengeSettings(StoreSettings):
    """Try a model beside the champion, or stop trying it."""

    model_config = SettingsConfigDict(cli_prog_name="python -m training challenge")

    version: CliPositionalArg[str | None] = Field(default=None, pattern=VERSION)
    """The challenger; by default the newest bundle of the store."""
    mode: Literal["shadow", "canary"] = "shadow"
    """`shadow` scores every customer and answers none; `canary` answers a share of those with a customer_id."""
    share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the customers whom a canary answers."""
    stop: bool = False
    """Take the present challenger away."""
    why: str = "asked for by hand"
    """Reason, for the history."""


class HistorySettings(_JobSettings):
    """List which model was served when, and why."""

    model_config = SettingsConfigDict(cli_prog_name="python -m training history")

    models_dir: Path = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""


class CompareLiveSettings(_JobSettings):
    """Tell champion and challenger apart by what clients sent and what became of them."""

    model_config = SettingsConfigDict(cli_prog_name="python -m training compare-live")

    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log, SQLite or PostgreSQL."""
    since: str | None = Field(default=None, pattern=durations.PATTERN)
    """Age of the oldest predictions, as 24h or 90d; by default, since the challenger came."""
    min_rows: int = Field(default=500, ge=1)
    """Fewest outcomes, of either model; with fewer nobody can tell."""
    models_dir: Path = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""
