"""What is known of a trained model, as its manifest.json says it.

Knows nothing of where a manifest lies or whether it can be trusted; that is `models.bundle`.
"""

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.risk import RiskPolicy

FORMAT_VERSION = 1


class Provenance(BaseModel):
    """Where the training rows came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    query: str | None
    rows: int = Field(ge=1)
    rejected_rows: int = Field(ge=0)
    sha256: str


class Interval(BaseModel):
    """A 95 % confidence interval."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float


class Spread(BaseModel):
    """Mean and standard deviation over the folds of a cross-validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: float
    deviation: float


class Confusion(BaseModel):
    """Test customers by what was decided and what happened, at the policy's threshold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


class Description(BaseModel):
    """All that training says of a model: the manifest without its identity. Equal training gives equal descriptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format_version: int = FORMAT_VERSION
    fingerprint: str
    features: list[dict[str, Any]]
    data: Provenance
    policy: RiskPolicy
    metrics: dict[str, float]
    """On the test set, by name."""
    intervals: dict[str, Interval]
    """Of the metrics, by bootstrap over the test set."""
    confusion: Confusion
    cross_validation: dict[str, dict[str, Spread]]
    """Of each algorithm on the training rows: model name, then metric."""
    parameters: dict[str, int | float]
    """Of the fit, as XGBoost names them."""
    parity_difference: float
    """Largest difference in probability between graph and booster on the test set."""
    libraries: dict[str, str]


class Manifest(Description):
    """The description of a published model, its name, its time and the SHA-256 of each of its files."""

    version: str
    trained_at: AwareDatetime
    files: dict[str, str]
