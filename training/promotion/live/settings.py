"""Settings of `python -m training advance`, from the command line or TRAINING_* variables."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from models.answer_counts import BOUNDS_SECONDS
from models.durations import Duration
from models.log.reporters import Reporters
from training.settings import StoreSettings

_SELECTOR = re.compile(r'(\w+ *(=|!=|=~|!~) *"[^"\\]*" *(, *|$))*')


def _ascending(steps: list[float]) -> list[float]:
    if steps != sorted(set(steps)) or not steps:
        raise PydanticCustomError("steps", "write ascending shares, as [0.05, 0.25, 0.5, 1]")
    return steps


def _counted(seconds: float) -> float:
    if seconds not in BOUNDS_SECONDS:
        raise PydanticCustomError("bound", f"write one of {', '.join(f'{bound:g}' for bound in BOUNDS_SECONDS)}")
    return seconds


def _matching(selector: str) -> str:
    if not _SELECTOR.fullmatch(selector):
        raise PydanticCustomError("selector", 'write labels as namespace="sales", pod=~"churn-.+"')
    return selector


Selector = Annotated[str, AfterValidator(_matching)]
Bound = Annotated[float, AfterValidator(_counted)]
Steps = Annotated[list[Annotated[float, Field(gt=0, le=1)]], AfterValidator(_ascending)]


class AdvanceSettings(StoreSettings):
    """Let a canary answer more customers, keep it as it is, or withdraw it; run it by a timer."""

    steps: Steps = Field(default=[0.05, 0.25, 0.5, 1])
    """Shares of the customers that the canary answers one after another; 1 makes it the champion."""
    step_for: Duration = "7d"
    """Shortest time at a step, as 90m, 24h or 7d."""
    prometheus_url: str = Field(default="http://localhost:9090", pattern="^https?://")
    """The Prometheus that scrapes the service; its address may hold a user and a password."""
    prometheus_selector: Selector = ""
    """Labels of the service, as namespace="sales", where Prometheus scrapes several; by default all are one."""
    guardrails_since: Duration = "24h"
    """Time before now whose requests are judged, as 90m, 24h or 7d; at most since the step began."""
    max_error_share: float = Field(default=0.01, ge=0, lt=1)
    """Share of its requests that the canary's model may fail beyond the champion's share; else it is withdrawn."""
    max_predict_seconds: Bound = 0.01
    """Time for a customer above which an answer is slow: 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25 or 1."""
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
