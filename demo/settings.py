"""What can be set for the demo, from the command line or by DEMO_* variables."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class DemoSettings(BaseSettings):
    """Play the whole loop: train, serve, send customers as they are and then changed, and judge both."""

    model_config = SettingsConfigDict(
        env_prefix="DEMO_",
        frozen=True,
        extra="forbid",
        cli_prog_name="python -m demo",
        cli_kebab_case=True,
        use_attribute_docstrings=True,
    )

    data: Path | None = None
    """A .csv or .parquet file of customers and what became of them; without it they are synthetic."""
    columns: Path | None = None
    """TOML file that maps the file's columns to the contract, as for a fit."""
