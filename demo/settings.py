"""Settings of the demo, from the command line or DEMO_* variables."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class DemoSettings(BaseSettings):
    """Run the whole loop: train, serve, send calm and then shifted customers, and let the monitor check both."""

    model_config = SettingsConfigDict(
        env_prefix="DEMO_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        use_attribute_docstrings=True,
    )

    data: Path | None = None
    """A .csv or .parquet file of customers with their outcomes; by default the customers are synthetic."""
    columns: Path | None = None
    """TOML file that maps the file's columns to the contract, as for `fit`."""
