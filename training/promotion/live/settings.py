"""Settings of `python -m training advance`, from the command line or TRAINING_* variables."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from models.durations import Duration
from models.log.reporters import Reporters
from training.settings import StoreSettings


def _ascending(steps: list[float]) -> list[float]:
    if steps != sorted(set(steps)) or not steps:
        raise PydanticCustomError("steps", "write ascending shares, as [0.05, 0.25, 0.5, 1]")
    return steps


Steps = Annotated[list[Annotated[float, Field(gt=0, le=1)]], AfterValidator(_ascending)]


class AdvanceSettings(StoreSettings):
    """Let a canary answer more customers, keep it as it is, or withdraw it; run it by a timer."""

    steps: Steps = Field(default=[0.05, 0.25, 0.5, 1])
    """Shares of the customers that the canary answers one after another; 1 makes it the champion."""
    step_for: Duration = "7d"
    """Shortest time at a step, as 90m, 24h or 7d."""
    prometheus_url: str = Field(default="http://localhost:9090", pattern="^https?://")
    """The Prometheus that scrapes the service."""
    guardrails_since: Duration = "24h"
    """Time before now whose requests are judged, as 90m, 24h or 7d."""
    max_error_share: float = Field(default=0.01, ge=0, lt=1)
    """Share of its requests that the canary's model may fail beyond the champion's share; else it is withdrawn."""
    max_predict_seconds: float = Field(default=0.01, gt=0, le=1)
    """Time of a model for a customer, at most 1, above which an answer is slow; 1 % more than the champion's may be."""
    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log, SQLite or PostgreSQL."""
    mature_after: Duration | None = None
    """Age at which nearly all outcomes have arrived, as 90m, 24h or 7d; younger predictions are left out."""
    min_rows: int = Field(default=500, ge=1)
    """Fewest outcomes of either model at a step; with fewer the canary stays as it is."""
    horizon_rows: int = Field(default=5_000, ge=1)
    """Outcomes at which the intervals are narrowest; choose it before the trial, and keep it."""
    trusted_reporters: Reporters = None
    """Reporters whose outcomes count, as crm,billing; by default all."""
