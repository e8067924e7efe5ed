"""What can be set for the service, from the command line or by SERVICE_* variables."""

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
        cli_prog_name="python -m service",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of the machine."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and logs it."""
    workers: int = Field(default=1, ge=1)
    """Processes that answer, each with its own model, on one port; one that dies is replaced."""
    models_dir: Path = Path("models")
    """Folder of pinned.json and store/."""
    max_body_bytes: int | None = Field(default=None, ge=1)
    """Largest body of a batch; a larger one is refused with 413. By default 10,000 indented customers fit, or 4 MB."""
    max_turn_seconds: float = Field(default=0.05, gt=0)
    """Longest queue, as the time to answer it; predictions behind it are refused with 503."""
    drain_seconds: float = Field(default=2, ge=0, le=5)
    """Time between SIGTERM and the end, in which /health/ready says 503 and requests are still answered."""
    log_lines_per_second: int = Field(default=10, ge=0)
    """Most lines about requests that went well or were shed; each that failed is logged."""
    log_url: Annotated[str, AfterValidator(_database)] = "sqlite:///var/predictions.db"
    """Database of the prediction log, SQLite or PostgreSQL; empty for no log."""
    log_inputs: Kept = "plain"
    """What the prediction log keeps of a customer: `plain` values, `hashed` (a keyed digest), or `none`."""
    output_dir: Path = Path("var")
    """Folder for spool/, where predictions wait for the database, and for the key of `hashed` inputs."""
    max_spool_bytes: int = Field(default=1_073_741_824, ge=1)
    """Size of spool/ from which on predictions are no longer logged, but counted as dropped; 5 million take 1 GB."""

    @property
    def spool(self) -> Path:
        """Where predictions wait for the database."""
        return self.output_dir / "spool"
