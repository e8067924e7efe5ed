"""Settings of the service, from the command line or SERVICE_* variables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Kept = Literal["plain", "hashed", "none"]


def _database(url: str) -> str:
    if url and not url.startswith(("sqlite:///", "postgresql://")):
        raise ValueError("name a database as sqlite:///var/predictions.db or postgresql://user:password@host/database")
    return url


class Settings(BaseSettings):
    """Serve the pinned model over HTTP."""

    model_config = SettingsConfigDict(
        env_prefix="SERVICE_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of the machine."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free port and logs it."""
    workers: int = Field(default=1, ge=1)
    """Worker processes on the one port, each with its own copy of the model; a worker that dies is replaced."""
    models_dir: Path = Path("models")
    """Folder of pinned.json and store/."""
    max_body_bytes: int | None = Field(default=None, ge=1)
    """Largest body of a batch; a larger body gets 413. By default 10,000 indented customers fit, or 4 MB."""
    max_turn_seconds: float = Field(default=0.05, gt=0)
    """Longest time that a prediction may wait in the event loop; later ones get 503."""
    drain_seconds: float = Field(default=2, ge=0, le=5)
    """Time between SIGTERM and the end; /health/ready answers 503 and other requests are still served."""
    log_lines_per_second: int = Field(default=10, ge=0)
    """Largest number of log lines about successful and shed requests; every failed request is logged."""
    log_url: Annotated[str, AfterValidator(_database)] = "sqlite:///var/predictions.db"
    """Database of the prediction log, SQLite or PostgreSQL; empty for no log."""
    log_inputs: Kept = "plain"
    """What the prediction log stores of a customer: `plain` values, `hashed` (a keyed digest), or `none`."""
    output_dir: Path = Path("var")
    """Folder for spool/, where predictions wait for the database, and for the key of `hashed` inputs."""
    max_spool_bytes: int = Field(default=1_073_741_824, ge=1)
    """Largest size of spool/; beyond it predictions are dropped and counted. 5 million predictions take 1 GB."""

    @property
    def spool(self) -> Path:
        """The folder where predictions wait for the database."""
        return self.output_dir / "spool"
