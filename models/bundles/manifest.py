"""What is known of a trained model, as its manifest.json says it."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.bundles.calibration import Calibration, Method
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment

FORMAT_VERSION = 2


class LiveRows(BaseModel):
    """Customers that the service predicted, and what it was told of them later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    rows: int = Field(ge=1)
    """Of all rows, learned from, judged on, or left out."""
    first_made_at: AwareDatetime
    last_made_at: AwareDatetime
    left_out_rows: int = Field(ge=0)
    """Made before the first row that is judged on, but not to be learned from by then: in neither part."""
    predictions: int
    """Of that time, with or without outcome."""
    outcomes: int
    """Of these predictions."""
    newest_outcome_share: float
    """Of the newest fifth of the predictions, those with an outcome."""
    older_outcome_share: float
    """Of all older ones."""
    without_inputs: int
    """Outcomes that cannot be learned from, because the customer's values were not kept."""
    other_contract: int
    """The same, because values of this contract are missing."""
    models: dict[str, int]
    """Rows by the version of the model that answered."""
    canary_rows: int
    """Of them answered by a challenger, as the history of the shelf says."""
    outcome_known_when: Literal["recorded", "observed"]
    mature_after_days: float
    """Age below which predictions were not learned from; 0 for none."""
    days_until_known: dict[Literal["churned", "stayed"], float]
    """From prediction to outcome, the median."""


class Provenance(BaseModel):
    """Where the training rows came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    query: str | None
    rows: int = Field(ge=1)
    rejected_rows: int = Field(ge=0)
    sha256: str
    live: LiveRows | None = Field(default=None, exclude_if=lambda live: live is None)
    """None where there are none; then it is not written, so that such manifests stay as they were."""


class Interval(BaseModel):
    """A 95 % confidence interval."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float
    high: float


class Spread(BaseModel):
    """A metric over several fits: its mean, its standard deviation, and the 95 % interval of the mean (Student's t)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mean: float
    deviation: float
    low: float
    high: float


class Confusion(BaseModel):
    """Test customers by what was decided and what happened, at the policy's threshold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


class Calibrated(BaseModel):
    """What was found out about the methods of calibration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    log_loss: dict[Method, float]
    """Of each method on the folds, each row judged by a map that did not see it."""
    before: dict[str, float]
    """Metrics on the test set without calibration."""


class Priced(BaseModel):
    """What the bounds of the policy were made from, and what decisions by them cost on the test set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bounds: dict[Literal["medium_from", "high_from"], Interval]
    """By bootstrap over the rows that they were chosen on."""
    cost: dict[str, Figure]
    """Of a customer of the test set, by who decides: this model, a simpler one, and nobody at all."""
    saved: dict[str, Figure]
    """Of it what this model saves against each other, the same customers compared."""


class Importance(BaseModel):
    """What a feature means to the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gain: float = Field(ge=0)
    """Its share of what all splits gain in training."""
    permutation: float
    """ROC-AUC that is lost on the test set when its values are shuffled."""


class Tuning(BaseModel):
    """What the search for parameters came to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: int
    pruned: int
    log_loss: float
    """Of the best trial on the folds."""


class Description(BaseModel):
    """All that training says of a model: the manifest without its identity. Equal training gives equal descriptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format_version: int = FORMAT_VERSION
    fingerprint: str
    features: list[dict[str, Any]]
    data: Provenance
    split: str
    """How the test set was held out, in words."""
    policy: RiskPolicy
    calibration: Calibration
    metrics: dict[str, float]
    """On the test set, by name."""
    intervals: dict[str, Interval]
    """Of the metrics, by bootstrap over the test set."""
    confusion: Confusion
    calibrated: Calibrated
    priced: Priced | None
    """None where no costs were given."""
    cross_validation: dict[str, dict[str, Spread]]
    """Of each algorithm on the training rows: model name, then metric."""
    seeds: dict[str, Spread]
    """Of the served algorithm, split and fitted anew with other seeds within the training rows: by metric."""
    slices: list[Segment]
    """The test set by groups of customers."""
    differences: dict[str, dict[str, float]]
    """Between the groups of a column: the largest of selection rate, false positive rate and false negative rate."""
    importance: dict[str, Importance]
    warnings: list[str]
    """What the checks for leaks found, a sentence each."""
    parameters: dict[str, int | float]
    """Of the fit, as XGBoost names them."""
    constraints: dict[str, int]
    """Features whose effect was held to rise (1) or to fall (-1)."""
    tuning: Tuning | None
    """None where the parameters are the usual ones."""
    parity_difference: float
    """Largest difference in probability between graph and booster on the test set."""
    libraries: dict[str, str]


class Manifest(Description):
    """The description of a published model, its name, its time and the SHA-256 of each of its files."""

    version: str
    trained_at: AwareDatetime
    files: dict[str, str]
