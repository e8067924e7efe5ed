"""What can be set for monitoring, by flags or by MONITORING_* variables; knows nothing of how it is used."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Compare live inputs with the sample that the pinned model was trained on."""

    model_config = SettingsConfigDict(
        env_prefix="MONITORING_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
        cli_prog_name="python -m monitoring",
    )

    live: Path | None = None
    """Live inputs for `drift`: a .csv, .parquet or .jsonl file with the contract's columns."""
    models_dir: Path = Path("models")
    """Folder of pinned.json and store/."""
    output_dir: Path = Path("var")
    """Folder for reports/ and for the dashboard's workspace/."""
    min_rows: int = Field(default=200, ge=2)
    """Fewer live rows than this cannot tell."""
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=1)
    """Share of runs over unchanged customers that may report drift; the columns of a run divide it among them."""
    min_distance: float = Field(default=0.05, ge=0, lt=1)
    """Distance, 0 alike to 1 apart, below which a column has not drifted, however many rows prove a difference."""
    host: str = "127.0.0.1"
    """Address that `dashboard` listens on; 0.0.0.0 is every address of the machine."""
    port: int = Field(default=8001, ge=1, le=65535)
    """Port that `dashboard` listens on."""

    @property
    def reports(self) -> Path:
        """Where each run leaves its page and its record."""
        return self.output_dir / "reports"

    @property
    def workspace(self) -> Path:
        """What the dashboard shows."""
        return self.output_dir / "workspace"
