# ruff: noqa
"""Bodies of requests and answers. `make client` generates this file from the OpenAPI document; do not edit it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Customers to predict in one request."""

    customers: list[Customer]
    """One to 10,000 customers; if one breaks a rule, the whole batch is rejected."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Confusion matrix of the test set at the policy's decision threshold."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs of offers and of churn, in one currency. Low-risk customers get no offer."""

    currency: str = "USD"
    value_of_kept_customer: float
    medium: Offer
    high: Offer


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One customer on the day of the prediction."""

    tenure_months: int
    """Time since the contract began. At least 0, at most 120, in months."""
    monthly_charges: float
    """The current monthly bill. At least 0, at most 500, in USD."""
    total_charges: float | None
    """Everything billed so far, at least one monthly bill; null for a customer not billed yet. At least 0, at most
    1,000,000, in USD."""
    support_tickets: int
    """Support tickets opened so far. At least 0, at most 100,000, in tickets."""
    contract_type: Literal[0, 1, 2]
    """Kind of contract: 0 month-to-month, 1 one-year, 2 two-year."""
    customer_id: str | None = None
    """Your id of the customer, optional. While a canary answers a share of the customers, the same id always gets the
    same model, and customers without an id get the champion. The prediction log stores a keyed digest of the id,
    unless its operators switch that off, so that monitoring and training count a customer once. The id itself is
    never logged or stored, and it is no input of the model."""


@dataclass(frozen=True, kw_only=True)
class ExplainedPrediction:
    """The prediction for one customer, with an explanation."""

    prediction_id: str
    """Unique id of this prediction."""
    churn_probability: float
    """Probability that the customer churns, 0 to 1."""
    churn_prediction: bool
    """Whether the probability reaches the decision threshold of GET /risk-tiers."""
    risk_tier: Literal["low", "medium", "high"]
    """The tier of the probability; GET /risk-tiers has the bounds."""
    model_version: str
    """Version of the model that made the prediction."""
    prediction_timestamp: datetime
    """Time of the prediction, UTC."""
    held_out: bool | None = None
    """Whether the customer was drawn to get no offer, so that the effect of offers can be measured; absent if the
    service draws none, or without a `customer_id`."""
    explanation: Explanation
    """The contributions of the features, and reasons in words."""


@dataclass(frozen=True, kw_only=True)
class ExplainedPredictions:
    """The predictions of a batch, with explanations."""

    predictions: list[ExplainedPrediction]
    """One for each customer, in the order of the request."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """How the features contribute to the log-odds of the probability."""

    base_value: float
    """Expected score of a customer when no feature is known."""
    contributions: dict[str, float]
    """What each feature adds to the base value; a positive value raises the risk. Exact for the trees (TreeSHAP); if
    the model has a calibration map, scaled so that they add up to the score."""
    score: float
    """Log-odds of this customer's churn_probability: the base value plus all contributions."""
    raw_score: float
    """Log-odds from the trees, before calibration; it equals the score if the model has no calibration map."""
    reasons: list[str]
    """The features with the largest contributions in words, strongest first; at most three, and none that moves the
    probability by less than 0.1 percentage points."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature of the contract."""

    name: str
    kind: Literal["integer", "number", "boolean", "category", "open_category"]
    nullable: bool
    limits: dict[str, float]
    categories: list[int | str]
    labels: list[str]
    at_least: str | None
    unit: str | None
    description: str
    phrase: str
    """Description of a value in reasons: `{value}` stands for it, or for its label, and `{s}` for the plural 's'.
    Empty if none is declared: the words are then made from name and unit."""
    example: Any
    formerly: list[str] = field(default_factory=list)
    """Earlier names of the field."""
    required: bool = True
    """Whether a request must have it."""
    default: Any = None
    """Its value in a request without it."""
    is_age: bool = False
    """Whether tables may hold a date instead, from which the columns file makes the number."""
    is_clipped: bool = False
    """Whether a number beyond its bounds is set to the nearer one instead of being refused."""
    most_levels: int | None = None
    """Number of levels of an open category that get a code of their own; None for other kinds."""
    unseen: Literal["unknown", "refused"] | None = None
    """For an open category, whether a level that was never seen in training is refused; None for other kinds."""
    levels: dict[str, int] = field(default_factory=dict)
    """Levels of an open category in the training rows with their counts, most frequent first; empty until learned."""


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """A problem with one field of the body, or of the query."""

    path: str
    """Dotted path of the field; `body` is the body itself."""
    message: str
    """What was expected."""
    code: str
    """The broken rule's code, for programs."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """State of the service."""

    status: Literal["healthy", "degraded"]
    """`degraded` if a pinned model was refused, or predictions do not reach the log's database."""
    model_loaded: bool
    """Whether the service can predict."""
    uptime_seconds: float
    """Time since the start of the process."""
    reason: str | None = None
    """Why it is degraded, and the remedy."""
    challenger: Tried | None
    """The challenger; null if there is none, or if it was refused."""
    contract_changes: list[str]
    """What has changed in the features since the served model's training; empty if nothing has."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Importance of a feature for the model."""

    gain: float
    permutation: float


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LiveRows:
    """Rows from the prediction log: customers that the service predicted, with their outcomes."""

    rows: int
    first_made_at: datetime
    last_made_at: datetime
    left_out_rows: int
    predictions: int
    outcomes: int
    newest_outcome_share: float
    older_outcome_share: float
    without_inputs: int
    other_contract: int
    models: dict[str, int]
    canary_rows: int
    outcome_known_when: Literal["recorded", "observed"]
    mature_after_days: float
    days_until_known: dict[str, float]
    reported: Reported | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of the model on the test set."""

    value: float
    """The figure."""
    interval: Interval | None
    """Its 95 % confidence interval."""


@dataclass(frozen=True, kw_only=True)
class MetricSpread:
    """A metric over several fits: its mean, its standard deviation, and the 95 % interval of the mean (Student's t)."""

    mean: float
    deviation: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The served model."""

    version: str
    """Its version in the store."""
    trained_at: datetime
    """When it was trained, UTC."""
    fingerprint: str
    """SHA-256 of the schema of the features that it was trained on."""
    contract_changes: list[str]
    """What has changed in the features since its training; empty if nothing has."""
    features: list[Feature]
    """The features of a customer, with bounds (ge, gt, le, lt), unit, labels, and learned levels that are not rare."""
    ranges: dict[str, tuple[float, float]]
    """Lowest and highest value of each number at which its trees split; beyond them, its answers do not change."""
    importance: dict[str, Importance]
    """Importance of each feature: its share of what the trees' splits gain, and the ROC-AUC lost without its values."""
    metrics: dict[str, Metric]
    """Its figures on the test set."""
    confusion: Confusion
    """Confusion matrix of the test set."""
    cross_validation: dict[str, dict[str, MetricSpread]]
    """Cross-validation figures on the training set, of this algorithm and of simpler ones."""
    data: Provenance
    """Source of the training rows."""
    libraries: dict[str, str]
    """Versions of the libraries that trained it."""
    challenger: Tried | None
    """The challenger; null if there is none."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note for the person who calls the customer."""

    text: str
    """Two sentences of plain text, made of the tier and of the names of the features with the strongest effect."""
    written_by: Literal["template", "model"]
    """`model`: a language model, whose text is checked for its form, not for its truth. `template`: fixed sentences."""


@dataclass(frozen=True, kw_only=True)
class NotedPrediction:
    """The prediction for one customer, with an explanation and a note."""

    prediction_id: str
    """Unique id of this prediction."""
    churn_probability: float
    """Probability that the customer churns, 0 to 1."""
    churn_prediction: bool
    """Whether the probability reaches the decision threshold of GET /risk-tiers."""
    risk_tier: Literal["low", "medium", "high"]
    """The tier of the probability; GET /risk-tiers has the bounds."""
    model_version: str
    """Version of the model that made the prediction."""
    prediction_timestamp: datetime
    """Time of the prediction, UTC."""
    held_out: bool | None = None
    """Whether the customer was drawn to get no offer, so that the effect of offers can be measured; absent if the
    service draws none, or without a `customer_id`."""
    explanation: Explanation
    """The contributions of the features, and reasons in words."""
    note: Note
    """What to tell the person who calls the customer."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The offer to every customer of a tier."""

    contact_cost: float
    success_rate: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Whether the customer of one prediction churned."""

    prediction_id: str
    """Id of the prediction, from its response."""
    churned: bool
    """Whether the customer churned."""
    observed_at: datetime
    """When this was observed: not before the prediction and not in the future, with a tolerance of one day."""


@dataclass(frozen=True, kw_only=True)
class OutcomeBatch:
    """Outcomes to record in one request."""

    outcomes: list[Outcome]
    """One to 10,000 outcomes; if one cannot be recorded, none is."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The prediction for one customer."""

    prediction_id: str
    """Unique id of this prediction."""
    churn_probability: float
    """Probability that the customer churns, 0 to 1."""
    churn_prediction: bool
    """Whether the probability reaches the decision threshold of GET /risk-tiers."""
    risk_tier: Literal["low", "medium", "high"]
    """The tier of the probability; GET /risk-tiers has the bounds."""
    model_version: str
    """Version of the model that made the prediction."""
    prediction_timestamp: datetime
    """Time of the prediction, UTC."""
    held_out: bool | None = None
    """Whether the customer was drawn to get no offer, so that the effect of offers can be measured; absent if the
    service draws none, or without a `customer_id`."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The predictions of a batch."""

    predictions: list[Prediction]
    """One for each customer, in the order of the request."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The answer to a probe."""

    status: Literal["healthy", "degraded"] | Literal["alive", "ready"]
    """State of the process or of the service."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a request failed, and the remedy."""

    type: Literal["about:blank"] = "about:blank"
    """Always this value: `status` has the kind of problem."""
    title: str
    """The name of the status."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong, and the remedy."""
    request_id: str | None
    """The request id in the service's log; also in the header X-Request-ID."""
    errors: list[FieldProblem] = field(default_factory=list)
    """All invalid fields, at most the first 100; empty if there are more than 50,000."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the training rows came from."""

    source: str
    query: str | None
    rows: int
    rejected_rows: int
    sha256: str
    live: LiveRows | None = None
    customers: int | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedOutcome:
    """The recorded outcome of a prediction."""

    prediction_id: str
    """Id of the prediction."""
    churned: bool
    """Whether the customer churned."""
    observed_at: datetime
    """When this was observed, as you first reported it; UTC."""
    recorded_at: datetime
    """When you first reported it, UTC."""


@dataclass(frozen=True, kw_only=True)
class RecordedOutcomes:
    """The result of recording a batch of outcomes."""

    new: int
    """Outcomes that were recorded now."""
    known: int
    """Outcomes that you had reported before."""


@dataclass(frozen=True, kw_only=True)
class RecordedTreatment:
    """The recorded treatment of the customer of a prediction."""

    prediction_id: str
    """Id of the prediction."""
    offer: Literal["none", "medium", "high"]
    """The offer that was made: that of the medium or of the high tier, or none."""
    given_at: datetime
    """When it was made or decided against, as first reported; UTC."""
    recorded_at: datetime
    """When it was first reported, UTC."""


@dataclass(frozen=True, kw_only=True)
class RecordedTreatments:
    """The result of recording a batch of treatments."""

    new: int
    """Treatments that were recorded now."""
    known: int
    """Treatments that had been reported before."""


@dataclass(frozen=True, kw_only=True)
class Reported:
    """Who reported the outcomes of live rows."""

    trusted: list[str] | None
    rows: dict[str, int]
    test_rows: dict[str, int]
    contradicted_predictions: int


@dataclass(frozen=True, kw_only=True)
class RiskTiers:
    """How the served model turns probabilities into decisions."""

    decision_threshold: float
    """Lowest probability that counts as churn."""
    tiers: list[TierBounds]
    """All tiers, in ascending order."""
    costs: Costs | None
    """Costs from which the bounds were derived, for customers and offers; null if the bounds are defaults."""


@dataclass(frozen=True, kw_only=True)
class TierBounds:
    """One risk tier: the probabilities from its lower bound (included) to its upper bound (excluded)."""

    tier: Literal["low", "medium", "high"]
    """The tier's name in predictions."""
    lower_bound: float
    """Lowest probability in the tier."""
    upper_bound: float
    """Lowest probability of the next tier; 1 belongs to the last tier."""
    meaning: str
    """The suggested action."""


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """Which offer the customer of one prediction got."""

    prediction_id: str
    """Id of the prediction, from its response."""
    offer: Literal["none", "medium", "high"]
    """The offer that was made: that of the medium or of the high tier, or none."""
    given_at: datetime
    """When it was made or decided against: not before the prediction, nor in the future; a day is tolerated."""


@dataclass(frozen=True, kw_only=True)
class TreatmentBatch:
    """Treatments to record in one request."""

    treatments: list[Treatment]
    """One to 10,000 treatments; if one cannot be recorded, none is."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The challenger, a second model beside the champion."""

    version: str
    """Its version in the store."""
    mode: Literal["shadow", "canary"]
    """`shadow`: its predictions are not returned. `canary`: it answers a share of those with a `customer_id`."""
    share: float | None
    """The canary's share of the customers, 0 to 1; null for a shadow."""
