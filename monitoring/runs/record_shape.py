"""What form the facts of a record have, as far as pages and gauges read them. Any fact may be missing."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from monitoring.errors import CANNOT_TELL
from monitoring.runs.run_store import Job


def _is_a_time(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
        at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error
    if at.tzinfo is None:
        problem = "a time without a time zone"
        raise ValueError(problem)
    return text


Time = Annotated[str, AfterValidator(_is_a_time)]
"""ISO 8601, with a time zone."""


class _Facts(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Column(_Facts):
    name: str
    method: str = ""
    distance: FiniteFloat
    limit: FiniteFloat
    ratio: FiniteFloat
    importance: FiniteFloat | None = None
    drifted: bool = False


class _Joint(_Facts):
    ratio: FiniteFloat


class _Figure(_Facts):
    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None


class _Check(_Facts):
    metric: str
    worse_by: FiniteFloat
    limit: FiniteFloat
    broken: bool


class _Review(_Facts):
    decision: str
    by: str
    why: str
    at: Time
    key: str | None = None


class _RetrainRequest(_Facts):
    command: str
    at: Time
    exit_code: int | None
    said: str


class _LogHealth(_Facts):
    partition_weeks: int
    default_rows: int


class _Loss(_Facts):
    advised: bool | None = None


class _Interval(_Facts):
    value: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat


class _Arm(_Facts):
    rows: int
    offers: int
    others: int = 0


class _Offer(_Facts):
    tier: str
    free: _Arm
    held_out: _Arm
    reduced_churn_by: _Interval | None = None
    success_rate: _Interval | None = None
    saved: _Interval | None = None
    assumed_success_rate: FiniteFloat | None = None
    verdict: str | None = None
    currency: str | None = None


class _Recalibration(_Facts):
    remark: str | None = None


class _Record(_Facts):
    verdict: str | None = None
    exit_code: int = CANNOT_TELL
    reason: str | None = None
    summary: str | None = None
    model_version: str | None = None
    run_id: str | None = None
    log_url: str | None = None
    trusted_reporters: str | None = None
    finished_at: Time | None = None
    start: Time | None = Field(None, alias="from")
    end: Time | None = Field(None, alias="to")
    chosen_window: bool = False
    live: Any = None
    window_rows: int = 0
    judged_rows: int = 0
    outcomes_rows: int = 0
    other_models_rows: int | None = None
    contradicted_rows: int | None = None
    refused_share: FiniteFloat | None = None
    refused_fields: dict[str, FiniteFloat] = {}
    drift_share: FiniteFloat = 0.0
    min_drift_share: FiniteFloat | None = None
    columns: list[_Column] = []
    joint: _Joint | None = None
    log: _LogHealth | None = None
    log_problem: str | None = None
    loss: _Loss | None = None
    remarks: list[str] = []
    checks: list[_Check] = []
    reviews: list[_Review] = []
    retrain_requests: list[_RetrainRequest] = []


class _PerformanceRecord(_Record):
    live: dict[str, _Figure] | None = None
    reference: dict[str, _Figure] | None = None
    estimated: dict[str, _Figure] | None = None
    expected: dict[str, _Figure] | None = None
    recalibration: _Recalibration | None = None
    offers: list[_Offer] = []
    costs_advice: str | None = None


def check(content: bytes, job: Job) -> None:
    """Check the content of a job's record.

    Raises:
        ValueError: it is no JSON object, or a fact has another form.
    """
    (_PerformanceRecord if job == "performance" else _Record).model_validate_json(content)
